//! The Web platform inside a realm: what each global does (function-runtime 3).

mod support;

use lentil_js::{CallResult, FunctionKind};
use serde_json::{Value as Json, json};
use support::*;

/// Runs each expression as a query of its own and compares what it gives.
#[track_caller]
fn check(cases: &[(&str, Json)]) {
    let source: String = cases
        .iter()
        .enumerate()
        .map(|(at, (body, _))| format!("export const f{at} = query(async () => ({body}));\n"))
        .collect();
    let bundle = app(&source);
    let mut wrong = Vec::new();
    for (at, (body, expected)) in cases.iter().enumerate() {
        let call = invocation(&bundle, &format!("f{at}"), FunctionKind::Query);
        let (outcome, _) = run_on(host(), call, World::echo());
        let given = match &outcome.result {
            CallResult::Value(text) => serde_json::from_str(text).expect("results are JSON"),
            other => json!(format!("{other:?}")),
        };
        if given != *expected {
            wrong.push(format!("{body}\n  gives    {given}\n  expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What an expression throws, as `Name: message`.
fn thrown(body: &str) -> String {
    format!(
        "(async () => {{ try {{ await ({body}); return 'nothing'; }} catch (e) {{ return e.name; }} }})()"
    )
}

#[track_caller]
fn check_thrown(cases: &[(&str, &str)]) {
    let cases: Vec<(String, Json)> = cases
        .iter()
        .map(|(body, name)| (format!("await {}", thrown(body)), json!(name)))
        .collect();
    let cases: Vec<(&str, Json)> = cases
        .iter()
        .map(|(body, name)| (body.as_str(), name.clone()))
        .collect();
    check(&cases);
}

#[test]
fn text_is_encoded_and_decoded() {
    check(&[
        (
            "[...new TextEncoder().encode('aö€😀')]",
            json!([97, 195, 182, 226, 130, 172, 240, 159, 152, 128]),
        ),
        (
            "new TextEncoder().encodeInto('aö€', new Uint8Array(4))",
            json!({"read": 2, "written": 3}),
        ),
        (
            "new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0xff]))",
            json!("a\u{fffd}"),
        ),
        (
            "new TextDecoder('utf-8', {ignoreBOM: true}).decode(new Uint8Array([0xef, 0xbb, 0xbf, 97])).length",
            json!(2),
        ),
        ("new TextDecoder('latin1').encoding", json!("windows-1252")),
        (
            "new TextDecoder('utf-16le').decode(new Uint8Array([97, 0, 172, 32]))",
            json!("a€"),
        ),
        (
            "(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([226, 130]), {stream: true}) + d.decode(new Uint8Array([172])); })()",
            json!("€"),
        ),
        ("btoa('a\\xff') + atob(' YQ = = ')", json!("Yf8=a")),
    ]);
    check_thrown(&[
        (
            "new TextDecoder('utf-8', {fatal: true}).decode(new Uint8Array([255]))",
            "TypeError",
        ),
        ("new TextDecoder('nonsense')", "RangeError"),
        ("btoa('€')", "InvalidCharacterError"),
        ("atob('a')", "InvalidCharacterError"),
    ]);
}

#[test]
fn addresses_are_taken_apart() {
    check(&[
        (
            "new URL('../b?x=1#h', 'HTTP://User:pw@Exämple.com:80/a/c').href",
            json!("http://User:pw@xn--exmple-cua.com/b?x=1#h"),
        ),
        (
            "(() => { const u = new URL('https://a.b/c'); u.port = '8080'; u.hash = 'z'; u.searchParams.append('q', 'ä &'); return u.href; })()",
            json!("https://a.b:8080/c?q=%C3%A4+%26#z"),
        ),
        (
            "(() => { const u = new URL('https://a.b/?x=1&x=2&y='); return [u.origin, u.searchParams.getAll('x'), u.searchParams.get('y'), u.searchParams.has('z')]; })()",
            json!(["https://a.b", ["1", "2"], "", false]),
        ),
        (
            "[...new URLSearchParams({b: '2', a: '1 1'})].join(';')",
            json!("b,2;a,1 1"),
        ),
        (
            "(() => { const p = new URLSearchParams('b=2&a=1&b=3'); p.sort(); p.delete('b', '2'); return `${p} ${p.size}`; })()",
            json!("a=1&b=3 2"),
        ),
        (
            "[URL.canParse('nope'), URL.canParse('/x', 'http://h'), JSON.stringify({u: new URL('http://h')})]",
            json!([false, true, "{\"u\":\"http://h/\"}"]),
        ),
    ]);
    check_thrown(&[("new URL('not an address')", "TypeError")]);
}

#[test]
fn values_are_cloned() {
    check(&[
        (
            "(() => { const a = {d: new Date(5), m: new Map([[1, new Set([2])]]), r: /x/gi, b: new Uint8Array([1]), n: null}; a.self = a; const c = structuredClone(a); return [c !== a, c.self === c, c.d.getTime(), c.m.get(1).has(2), String(c.r), c.b[0], c.n, c.d instanceof Date]; })()",
            json!([true, true, 5, true, "/x/gi", 1, null, true]),
        ),
        (
            "(() => { const e = structuredClone(new RangeError('no')); return [e instanceof RangeError, e.message]; })()",
            json!([true, "no"]),
        ),
    ]);
    check_thrown(&[
        ("structuredClone(() => 1)", "DataCloneError"),
        ("structuredClone({s: Symbol()})", "DataCloneError"),
    ]);
}

#[test]
fn events_reach_their_listeners() {
    check(&[
        (
            "(() => { const t = new EventTarget(), seen = []; t.addEventListener('x', (e) => seen.push(e.type), {once: true}); t.addEventListener('x', {handleEvent: (e) => { e.preventDefault(); seen.push(e.defaultPrevented); }}); const ok = t.dispatchEvent(new Event('x', {cancelable: true})); t.dispatchEvent(new Event('x')); return [seen, ok]; })()",
            json!([["x", true, false], false]),
        ),
        (
            "(() => { const c = new AbortController(), seen = []; c.signal.onabort = () => seen.push('on'); c.signal.addEventListener('abort', () => seen.push('listener')); c.abort(); c.abort(); return [seen, c.signal.aborted, c.signal.reason.name]; })()",
            json!([["on", "listener"], true, "AbortError"]),
        ),
        ("AbortSignal.abort('why').reason", json!("why")),
        (
            "(() => { const c = new AbortController(); const any = AbortSignal.any([new AbortController().signal, c.signal]); c.abort(7); return [any.aborted, any.reason]; })()",
            json!([true, 7]),
        ),
        (
            "(() => { const e = new DOMException('m', 'NotFoundError'); return [e instanceof Error, e.name, e.code, DOMException.NOT_FOUND_ERR, String(e)]; })()",
            json!([true, "NotFoundError", 8, 8, "NotFoundError: m"]),
        ),
        (
            "(() => { const order = []; queueMicrotask(() => order.push(2)); order.push(1); return Promise.resolve().then(() => order); })()",
            json!([1, 2]),
        ),
    ]);
    check_thrown(&[("AbortSignal.abort().throwIfAborted()", "AbortError")]);
}

#[test]
fn randomness_is_seeded() {
    let bundle = app("const atImport = Math.random();
         export const f = query(() => [Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(8))], atImport]);");
    let ask = |seed: u8| {
        let mut call = invocation(&bundle, "f", FunctionKind::Query);
        call.seed = [seed; 32];
        value(&run_on(host(), call, World::echo()).0)
    };
    let (one, again, other) = (ask(1), ask(1), ask(2));
    assert_eq!(one, again, "the same seed gives the same");
    assert_eq!(one[3], other[3], "what modules draw belongs to the push");
    for at in 0..3 {
        assert_ne!(one[at], other[at]);
    }
    let uuid = one[1].as_str().unwrap();
    assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"), "{uuid}");
    check_thrown(&[
        (
            "crypto.getRandomValues(new Uint8Array(65537))",
            "QuotaExceededError",
        ),
        (
            "crypto.getRandomValues(new Float64Array(1))",
            "TypeMismatchError",
        ),
    ]);
}

#[test]
fn cryptography_that_needs_no_entropy_works() {
    let hex = "const hex = (b) => [...new Uint8Array(b)].map((x) => x.toString(16).padStart(2, '0')).join(''); const enc = (t) => new TextEncoder().encode(t);";
    let body = |code: &str| format!("await (async () => {{ {hex} {code} }})()");
    let cases = [
        (
            body("return hex(await crypto.subtle.digest('SHA-256', enc('abc')))"),
            json!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ),
        (
            body(
                "const k = await crypto.subtle.importKey('raw', enc('key'), {name: 'HMAC', hash: 'SHA-256'}, false, ['sign', 'verify']); const s = await crypto.subtle.sign('HMAC', k, enc('data')); return [hex(s), await crypto.subtle.verify('HMAC', k, s, enc('data')), await crypto.subtle.verify('HMAC', k, s, enc('Data')), k.extractable, k.type]",
            ),
            json!([
                "5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0",
                true,
                false,
                false,
                "secret"
            ]),
        ),
        (
            body(
                "const k = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-GCM', true, ['encrypt', 'decrypt']); const a = {name: 'AES-GCM', iv: new Uint8Array(12)}; const c = await crypto.subtle.encrypt(a, k, enc('hi')); return new TextDecoder().decode(await crypto.subtle.decrypt(a, k, c)) + c.byteLength",
            ),
            json!("hi18"),
        ),
        (
            body(
                "const k = await crypto.subtle.importKey('raw', enc('password'), 'PBKDF2', false, ['deriveBits']); return hex(await crypto.subtle.deriveBits({name: 'PBKDF2', hash: 'SHA-1', salt: enc('salt'), iterations: 1}, k, 64))",
            ),
            json!("0c60c80f961f0e71"),
        ),
        (
            body(
                "try { await crypto.subtle.generateKey({name: 'HMAC', hash: 'SHA-256'}, true, ['sign']); return 'made' } catch (e) { return e.message.includes('queries and mutations') }",
            ),
            json!(true),
        ),
        (
            "[crypto instanceof Crypto, crypto.subtle instanceof SubtleCrypto, typeof CryptoKey]"
                .to_owned(),
            json!([true, true, "function"]),
        ),
    ];
    let cases: Vec<(&str, Json)> = cases
        .iter()
        .map(|(body, expected)| (body.as_str(), expected.clone()))
        .collect();
    check(&cases);
}

#[test]
fn time_stands_still_in_a_query() {
    check(&[
        (
            "[Date.now(), new Date().getTime(), new Date(5).getTime(), typeof Date()]",
            json!([NOW as u64, NOW as u64, 5, "string"]),
        ),
        (
            "[new Date(0).getTimezoneOffset(), new Intl.DateTimeFormat('en', {timeZoneName: 'short'}).format(new Date(0))]",
            json!([0, "1/1/1970, UTC"]),
        ),
        (
            "new Intl.DateTimeFormat('en').format() === new Intl.DateTimeFormat('en').format(new Date())",
            json!(true),
        ),
        (
            "new Intl.NumberFormat('de').format(1234.5)",
            json!("1.234,5"),
        ),
        (
            "[performance.now() === performance.now(), performance.timeOrigin]",
            json!([true, IMPORT_TIME as u64]),
        ),
        (
            "(() => { performance.mark('a'); performance.measure('m', 'a'); return performance.getEntriesByType('measure').map((e) => e.name); })()",
            json!(["m"]),
        ),
    ]);
}

#[test]
fn storage_follows_asynchronous_work() {
    check(&[
        (
            "(async () => { const s = new AsyncLocalStorage(); return await s.run(1, async () => { await null; const inner = s.run(2, () => s.getStore()); return [s.getStore(), inner, s.exit(() => s.getStore() ?? null)]; }); })()",
            json!([1, 2, null]),
        ),
        (
            "(() => { const r = new AsyncResource('x'); return r.runInAsyncScope((a) => a + 1, null, 1); })()",
            json!(2),
        ),
    ]);
}

#[test]
fn code_is_not_made_from_text() {
    check_thrown(&[
        ("eval('1')", "EvalError"),
        ("new Function('return 1')", "EvalError"),
        (
            "Object.getPrototypeOf(async () => {}).constructor('return 1')",
            "EvalError",
        ),
        ("[].constructor.constructor('return 1')", "EvalError"),
    ]);
    check(&[
        (
            "await import('./_deps/sdk.js').catch((e) => e.message)",
            json!("dynamic module import unsupported"),
        ),
        (
            "(() => { const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]); return [WebAssembly.validate(bytes), new WebAssembly.Instance(new WebAssembly.Module(bytes)) instanceof WebAssembly.Instance]; })()",
            json!([true, true]),
        ),
    ]);
}

#[test]
fn what_a_browser_or_node_has_beyond_that_is_absent() {
    check(&[
        (
            "['window', 'document', 'navigator', 'location', 'Buffer', 'require', 'module', 'global', '__dirname', 'XMLHttpRequest', 'WebSocket', 'Worker', 'localStorage'].filter((name) => name in globalThis)",
            json!([]),
        ),
        (
            "[self === globalThis, Object.keys(process)]",
            json!([true, ["env"]]),
        ),
        ("new WeakRef({a: 1}).deref().a", json!(1)),
        (
            "(() => { new FinalizationRegistry(() => {}).register({}, 1); return 'taken'; })()",
            json!("taken"),
        ),
        // Some components swap them during a mutation and put them back.
        (
            "['Math', 'Date', 'console', 'process', 'crypto', 'performance', 'fetch', 'setTimeout'].filter((name) => !Object.getOwnPropertyDescriptor(globalThis, name)?.configurable)",
            json!([]),
        ),
    ]);
}

#[test]
fn every_way_of_logging_has_its_level() {
    let bundle = app("export const f = query(() => {
           console.debug('d'); console.info('i'); console.log('l', {a: [1, 'x']}); console.warn('w'); console.error('e');
           console.trace('t'); console.time('x'); console.timeLog('x'); console.timeEnd('x'); console.timeEnd('none');
           return null;
         });");
    let call = invocation(&bundle, "f", FunctionKind::Query);
    let (outcome, _) = run_on(host(), call, World::echo());
    let lines: Vec<String> = outcome
        .logs
        .iter()
        .map(|line| format!("{:?} {}", line.level, line.messages.join(" ")))
        .collect();
    for (at, begin) in [
        "Debug 'd'",
        "Info 'i'",
        "Log 'l' ",
        "Warn 'w'",
        "Error 'e'",
        "Log 't'",
        "Info x: ",
        "Info x: ",
        "Warn ",
    ]
    .iter()
    .enumerate()
    {
        assert!(lines[at].starts_with(begin), "line {at} of {lines:#?}");
    }
    assert!(
        lines[2].contains("a: [") && lines[2].contains("'x'"),
        "{}",
        lines[2]
    );
}

/// From nothing that is handed out does a way lead to a function that makes code, or to another realm.
#[test]
fn no_object_leads_out_of_the_realm() {
    check(&[(
        "(() => {
           const seen = new Set(), bad = [];
           const look = (value, path) => {
             if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || seen.size > 20000) return;
             seen.add(value);
             if (typeof value === 'function' && value !== Function.prototype && !(value instanceof Function)) bad.push(path + ' is not of this realm');
             else if (typeof value === 'object' && Object.getPrototypeOf(value) !== null && !(value instanceof Object) && value !== Object.prototype && !path.endsWith('prototype')) bad.push(path);
             for (const key of Reflect.ownKeys(value)) {
               const d = Reflect.getOwnPropertyDescriptor(value, key);
               for (const part of [d.value, d.get, d.set]) look(part, path + '.' + String(key));
               if (d.get && value === globalThis) look(value[key], path + '.' + String(key));
             }
             look(Object.getPrototypeOf(value), path + '.__proto__');
           };
           for (const name of Object.getOwnPropertyNames(globalThis)) look(globalThis[name], name);
           for (const [name, made] of Object.entries({
             url: new URL('http://a/?b=1'), params: new URLSearchParams('a=1'), encoder: new TextEncoder(), bytes: new TextEncoder().encode('a'),
             decoder: new TextDecoder(), event: new Event('x'), controller: new AbortController(), clone: structuredClone({a: [1, new Map([[1, 2]])]}),
             exception: new DOMException('a'), storage: new AsyncLocalStorage(), mark: performance.mark('x'),
           })) look(made, name);
           return bad.slice(0, 10);
         })()",
        json!([]),
    )]);
}
