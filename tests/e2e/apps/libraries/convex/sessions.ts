// oslo: what sign-in is made of. Its `password` needs native code, and so Node actions.

import { TimeSpan, createDate, isWithinExpirationDate } from "oslo";
import { CookieController, parseCookies } from "oslo/cookie";
import { ECDSA, HMAC, RSASSAPSS, alphabet, generateRandomString, random, sha1, sha512 } from "oslo/crypto";
import { base32, base64url, decodeHex, encodeHex } from "oslo/encoding";
import { createJWT, parseJWT, validateJWT } from "oslo/jwt";
import { OAuth2Client, OAuth2RequestError, generateCodeVerifier, generateState } from "oslo/oauth2";
import { TOTPController, createTOTPKeyURI, generateHOTP } from "oslo/otp";
import { verifyRequestOrigin } from "oslo/request";
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";

const key = new TextEncoder().encode("12345678901234567890");
const text = (value: string) => new TextEncoder().encode(value);

/** Everything that is the same at any time: for queries. */
export const fixed = query({
  args: {},
  handler: async () => ({
    hotp: await Promise.all([0, 1, 9].map((counter) => generateHOTP(key, counter))),
    sha1: encodeHex(await sha1(text("abc"))),
    sha512: encodeHex(await sha512(text("abc"))).slice(0, 16),
    hmac: base64url.encode(new Uint8Array(await new HMAC("SHA-256").sign(key, text("abc")))),
    hex: [...decodeHex("00ff10")],
    base32: [base32.encode(key), new TextDecoder().decode(base32.decode("GEZDGNBV", { strict: false }))],
    uri: createTOTPKeyURI("Lentil", "ada@example.com", key),
    span: new TimeSpan(2, "w").seconds(),
    origins: ["https://a.example", "https://b.example", "null"].map((origin) => verifyRequestOrigin(origin, ["a.example"])),
    cookies: [...parseCookies("a=1; session=x%20y")],
  }),
});

export const session = mutation({
  args: {},
  handler: async () => {
    const cookies = new CookieController("session", { httpOnly: true, secure: true, sameSite: "lax", path: "/" }, { expiresIn: new TimeSpan(30, "d") });
    const jwt = await createJWT("HS256", key, { role: "admin" }, { subject: "ada", expiresIn: new TimeSpan(1, "h"), includeIssuedTimestamp: true });
    const { subject, payload } = await validateJWT("HS256", key, jwt);
    const forged = await validateJWT("HS256", text("another key"), jwt).catch((error) => error.message);
    const late = await createJWT("HS256", key, {}, { expiresIn: new TimeSpan(-1, "s") });
    const expired = await validateJWT("HS256", key, late).catch((error) => error.message);
    return {
      cookie: cookies.createCookie("x y").serialize(), blank: cookies.createBlankCookie().attributes.maxAge,
      subject, role: (payload as { role?: string }).role, forged, expired, algorithm: parseJWT(jwt)?.algorithm,
      within: [isWithinExpirationDate(createDate(new TimeSpan(1, "s"))), isWithinExpirationDate(new Date(0))],
    };
  },
});

export const totp = action({
  args: {},
  handler: async () => {
    const controller = new TOTPController();
    const code = await controller.generate(key);
    // A new code may have begun between the two.
    const verified = (await controller.verify(code, key)) || (await controller.verify(await controller.generate(key), key));
    return { digits: /^[0-9]{6}$/.test(code), verified, wrong: await controller.verify("1234567", key) };
  },
});

/** Keys made here, signatures, and chance. */
export const made = action({
  args: {},
  handler: async () => {
    const signed = await Promise.all(
      [new ECDSA("SHA-256", "P-256"), new RSASSAPSS("SHA-256")].map(async (algorithm) => {
        const { privateKey, publicKey } = await algorithm.generateKeyPair();
        const signature = await algorithm.sign(privateKey, text("abc"));
        return [await algorithm.verify(publicKey, signature, text("abc")), await algorithm.verify(publicKey, signature, text("abd"))];
      }),
    );
    const { privateKey, publicKey } = await new ECDSA("SHA-256", "P-256").generateKeyPair();
    const jwt = await createJWT("ES256", privateKey, {}, { subject: "ada" });
    const number = random();
    return {
      signed, subject: (await validateJWT("ES256", publicKey, jwt)).subject,
      id: generateRandomString(24, alphabet("a-z", "0-9")), between: number >= 0 && number < 1,
    };
  },
});

/** Signs in at a provider. */
export const signIn = action({
  args: { url: v.string(), code: v.string() },
  handler: async (_ctx, { url, code }) => {
    const client = new OAuth2Client("lentil", `${url}/authorize`, `${url}/token`, { redirectURI: "https://app.example/back" });
    const codeVerifier = generateCodeVerifier();
    const to = await client.createAuthorizationURL({ state: generateState(), codeVerifier, scopes: ["email", "email", "name"] });
    const asked = { scope: to.searchParams.get("scope"), method: to.searchParams.get("code_challenge_method"), challenge: to.searchParams.get("code_challenge") };
    try {
      const { access_token } = await client.validateAuthorizationCode(code, { codeVerifier, credentials: "secret" });
      return { asked, codeVerifier, token: access_token };
    } catch (error) {
      if (!(error instanceof OAuth2RequestError)) throw error;
      return { refused: error.message, description: error.description };
    }
  },
});
