// jose and svix: signed tokens and signed webhooks.

import { createRemoteJWKSet, decodeProtectedHeader, errors, exportJWK, generateKeyPair, importPKCS8, importSPKI } from "jose";
import { EncryptJWT, SignJWT, jwtDecrypt, jwtVerify } from "jose";
import { Webhook, WebhookVerificationError } from "svix";
import { action, mutation, query } from "./_generated/server";
import { v } from "convex/values";

const issuer = "https://libraries.example";
const secret = new TextEncoder().encode("a secret of at least thirty-two bytes!");

const token = (alg: string, kid?: string) =>
  new SignJWT({ role: "admin" })
    .setProtectedHeader({ alg, ...(kid ? { kid } : {}) })
    .setIssuer(issuer)
    .setSubject("ada")
    .setIssuedAt()
    .setExpirationTime("2h");

/** Signs with a private key in PEM; a secret for HS256. */
export const sign = action({
  args: { alg: v.string(), pem: v.optional(v.string()), kid: v.optional(v.string()) },
  handler: async (_, { alg, pem, kid }) => await token(alg, kid).sign(pem ? await importPKCS8(pem, alg) : secret),
});

/** The same where everything must be deterministic. */
export const signInMutation = mutation({
  args: { alg: v.string(), pem: v.optional(v.string()) },
  handler: async (_, { alg, pem }) => await token(alg).sign(pem ? await importPKCS8(pem, alg) : secret),
});

async function verified(jwt: string, alg: string, pem?: string) {
  try {
    const key = pem ? await importSPKI(pem, alg) : secret;
    const { payload } = await jwtVerify(jwt, key as CryptoKey, { issuer, algorithms: [alg] });
    return { subject: payload.sub, role: payload.role };
  } catch (error) {
    return { code: (error as errors.JOSEError).code, isJose: error instanceof errors.JOSEError };
  }
}
const toVerify = { jwt: v.string(), alg: v.string(), pem: v.optional(v.string()) };
export const verify = query({ args: toVerify, handler: (_, { jwt, alg, pem }) => verified(jwt, alg, pem) });
export const verifyInAction = action({ args: toVerify, handler: (_, { jwt, alg, pem }) => verified(jwt, alg, pem) });

/** Keys made here, one of each kind, used and exported. */
export const ownKeys = action({
  args: {},
  handler: async () => {
    const seen: Record<string, unknown> = {};
    for (const alg of ["RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const jwt = await token(alg).sign(privateKey);
      const { payload } = await jwtVerify(jwt, publicKey, { issuer });
      seen[alg] = [payload.sub, decodeProtectedHeader(jwt).alg, (await exportJWK(publicKey)).kty];
    }
    return seen;
  },
});

export const encrypted = action({
  args: {},
  handler: async () => {
    const key = crypto.getRandomValues(new Uint8Array(32));
    const jwe = await new EncryptJWT({ card: 42 })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .setExpirationTime("1m")
      .encrypt(key);
    return (await jwtDecrypt(jwe, key)).payload.card;
  },
});

/** Against keys that are published. */
export const verifyRemote = action({
  args: { jwks: v.string(), tokens: v.array(v.string()) },
  handler: async (_, { jwks, tokens }) => {
    const keys = createRemoteJWKSet(new URL(jwks));
    const seen = [];
    for (const jwt of tokens) {
      try {
        seen.push((await jwtVerify(jwt, keys, { issuer })).protectedHeader.kid ?? "none");
      } catch (error) {
        seen.push((error as errors.JOSEError).code);
      }
    }
    return seen;
  },
});

const check = (secret: string, payload: string, headers: Record<string, string>) => {
  try {
    return { event: new Webhook(secret).verify(payload, headers) };
  } catch (error) {
    return { refused: (error as Error).message, isTheirs: error instanceof WebhookVerificationError };
  }
};
const toCheck = { secret: v.string(), payload: v.string(), headers: v.record(v.string(), v.string()) };
export const webhook = action({ args: toCheck, handler: async (_, args) => check(args.secret, args.payload, args.headers) });
export const webhookInMutation = mutation({ args: toCheck, handler: async (_, args) => check(args.secret, args.payload, args.headers) });
export const signWebhook = action({
  args: { secret: v.string(), id: v.string(), payload: v.string() },
  handler: async (_, { secret, id, payload }) => {
    const now = new Date();
    return { signature: new Webhook(secret).sign(id, now, payload), timestamp: String(Math.floor(now.getTime() / 1000)) };
  },
});
