//! Numbered scenarios of function-runtime 12 about the runtime, those that no other suite has.

mod support;

use lentil_js::{CallOutcome, CallResult, FunctionKind};
use serde_json::{Value as Json, json};
use support::*;

fn run(kind: FunctionKind, body: &str) -> CallOutcome {
    let wrapper = match kind {
        FunctionKind::Mutation => "mutation",
        _ => "query",
    };
    let bundle = app(&format!(
        "export const f = {wrapper}(async () => {{ {body} }});"
    ));
    run_on(host(), invocation(&bundle, "f", kind), World::echo()).0
}

fn in_mutation(body: &str) -> Json {
    value(&run(FunctionKind::Mutation, body))
}

#[test]
fn s043_cryptography_where_it_is_deterministic() {
    let caught = "const caught = async (run) => { try { await run(); return null; } catch (e) { return e.message; } };";
    let keys = concat!(
        "const bytes = (text) => Uint8Array.fromBase64(text);",
        include_str!("scenarios/keys.js")
    );
    assert_eq!(eval("return crypto.randomUUID().length"), json!(36));
    let refused = eval(&format!(
        "{caught} return await caught(() => crypto.subtle.generateKey({{name: 'AES-GCM', length: 128}}, true, ['encrypt']))"
    ));
    let refused = refused.as_str().expect("it is refused");
    assert!(refused.contains("in queries and mutations"), "{refused}");
    let hmac = eval(
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(8), {name: 'HMAC', hash: 'SHA-256'}, false, ['sign']);
         return new Uint8Array(await crypto.subtle.sign('HMAC', key, new Uint8Array(3))).length",
    );
    assert_eq!(hmac, json!(32));
    let rsa = in_mutation(&format!(
        "{keys} const algorithm = {{name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256'}};
         const secret = await crypto.subtle.importKey('pkcs8', bytes(RSA_SECRET), algorithm, false, ['sign']);
         const open = await crypto.subtle.importKey('spki', bytes(RSA_PUBLIC), algorithm, false, ['verify']);
         const [one, two] = [await crypto.subtle.sign(algorithm, secret, new Uint8Array(9)), await crypto.subtle.sign(algorithm, secret, new Uint8Array(9))];
         return [await crypto.subtle.verify(algorithm, open, one, new Uint8Array(9)), new Uint8Array(one).toHex() === new Uint8Array(two).toHex()]"
    ));
    assert_eq!(rsa, json!([true, true]));
    let elliptic = in_mutation(&format!(
        "{keys} {caught} const secret = await crypto.subtle.importKey('pkcs8', bytes(EC_SECRET), {{name: 'ECDSA', namedCurve: 'P-256'}}, false, ['sign']);
         return await caught(() => crypto.subtle.sign({{name: 'ECDSA', hash: 'SHA-256'}}, secret, new Uint8Array(9)))"
    ));
    let elliptic = elliptic.as_str().expect("it draws randomness");
    assert!(elliptic.contains("in queries and mutations"), "{elliptic}");
    let verified = eval(&format!(
        "{keys} const key = await crypto.subtle.importKey('spki', bytes(EC_PUBLIC), {{name: 'ECDSA', namedCurve: 'P-256'}}, false, ['verify']);
         const check = (text) => crypto.subtle.verify({{name: 'ECDSA', hash: 'SHA-256'}}, key, bytes(EC_SIGNATURE), text);
         return [await check(new Uint8Array(9)), await check(new Uint8Array(8))]"
    ));
    assert_eq!(verified, json!([true, false]));
}

#[test]
fn s044_fetch_can_be_caught_and_timers_cannot() {
    let caught = in_mutation("return await fetch('http://localhost/').catch((e) => e.message)");
    let caught = caught.as_str().expect("a message");
    assert!(caught.starts_with("Can't use fetch"), "{caught}");
    let timer = run(
        FunctionKind::Query,
        "let id = null; try { id = setTimeout(() => {}, 1); } catch { return 'caught'; } await call('x'); return 'went on';",
    );
    let failed = error(&timer);
    assert!(failed.contains("Can't use setTimeout"), "{failed}");
}

#[test]
fn s045_performance_moves_in_mutations_only() {
    let body = "const before = performance.now(); let x = 0;
        for (let i = 0; performance.now() === before && i < 3e6; i++) x += i;
        return [before === performance.now(), Math.abs(before * 10 - Math.round(before * 10)) < 1e-3]";
    assert_eq!(eval(body), json!([true, true]));
    assert_eq!(in_mutation(body), json!([false, true]));
}

#[test]
fn s046_dynamic_imports_are_rejected() {
    let rejected = "return await import('./_deps/sdk.js').then(() => 'loaded', (e) => e.message)";
    for given in [eval(rejected), in_mutation(rejected)] {
        assert_eq!(given, json!("dynamic module import unsupported"));
    }
}

#[test]
fn s047_top_level_await_and_fetch() {
    let refused = try_link(&[("a.js", "export const x = 1;\nawait x;")]);
    let refused = refused.map(|_| ()).expect_err("it is refused").to_string();
    assert!(
        refused.contains("await") && refused.contains("a.js:2"),
        "{refused}"
    );
    let outcome = query(&app(
        "fetch('http://localhost/'); export const f = query(() => 1);",
    ));
    let said = error(&outcome);
    assert!(said.contains("Can't use fetch() at import time"), "{said}");
}

#[test]
fn s048_code_from_text_window_and_replaced_globals() {
    let bundle = app(
        "export const f = query(async () => {
           const refused = (() => { try { return new Function('1'); } catch (e) { return e.name; } })();
           const fresh = globalThis.console.replaced === undefined;
           globalThis.console = { log() {}, replaced: true };
           console.log('unheard');
           return [refused, typeof window, fresh, console.replaced];
         });",
    );
    for _ in 0..2 {
        let outcome = query(&bundle);
        assert_eq!(
            value(&outcome),
            json!(["EvalError", "undefined", true, true])
        );
        assert!(outcome.logs.is_empty(), "{:?}", outcome.logs);
    }
}

#[test]
fn s049_webassembly_in_a_bundle() {
    // What a bundler makes of `import wasm from "./add.wasm"`.
    let bundle = app(
        "const wasm = new WebAssembly.Module(Uint8Array.fromBase64('AGFzbQEAAAABBwFgAn9/AX8DAgEABwcBA2FkZAAACgkBBwAgACABags='));
         export const f = query(async () => new WebAssembly.Instance(wasm).exports.add(20, 22));",
    );
    assert_eq!(value(&query(&bundle)), json!(42));
}

#[test]
fn s053_decoders_of_other_encodings() {
    assert_eq!(
        eval(
            "const bytes = (...list) => new Uint8Array(list);
             const fatal = (label, ...list) => { try { return new TextDecoder(label, {fatal: true}).decode(bytes(...list)); } catch (e) { return e.name; } };
             return [
               new TextDecoder('shift_jis').decode(bytes(0x83, 0x65, 0x83, 0x58, 0x83, 0x67)),
               new TextDecoder('shift_jis').encoding,
               new TextDecoder('utf-16le').decode(bytes(0xff, 0xfe, 0x41, 0)),
               new TextDecoder('utf-16le', {ignoreBOM: true}).decode(bytes(0xff, 0xfe, 0x41, 0)).length,
               fatal('utf-16le', 0x41, 0), fatal('utf-16le', 0x00, 0xd8), fatal('utf-16le', 0x41), fatal('shift_jis', 0x83),
               new TextDecoder('utf-16le').decode(bytes(0x00, 0xd8, 0x41, 0)),
             ];"
        ),
        json!(["テスト", "shift_jis", "A", 2, "A", "TypeError", "TypeError", "TypeError", "\u{fffd}A"])
    );
}

#[test]
fn s054_one_line_for_one_call() {
    let outcome = run(
        FunctionKind::Query,
        "console.log('a', {b: 1}); console.log('it\\'s');",
    );
    let lines: Vec<(String, Vec<String>)> = outcome
        .logs
        .iter()
        .map(|line| (format!("{:?}", line.level), line.messages.clone()))
        .collect();
    let line = |messages: &[&str]| {
        let messages = messages.iter().map(|text| (*text).to_owned()).collect();
        ("Log".to_owned(), messages)
    };
    assert_eq!(lines, [line(&["'a'", "{\n  b: 1\n}"]), line(&["'it\\'s'"])]);
    assert!(matches!(outcome.result, CallResult::Value(_)));
}
