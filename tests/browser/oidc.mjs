// A real OpenID Connect provider for tests of the console: `oidc-provider` from npm, with one client, in memory.
//
//   node oidc.mjs [REDIRECT_ADDRESS…]   in the folder of the npm packages
//
// It prints {"issuer", "client_id", "client_secret"} as one line of JSON once it listens, and runs until its standard input ends.
// Whoever logs in is who they say they are: the name in the form is the mail address, and the words after it are groups, as in
// `ana@example.com operators web`. An address that begins with `unverified` isn"t verified. Any password is right.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const require = createRequire(resolve("package.json"));
const { Provider } = await import(require.resolve("oidc-provider"));

const redirects = process.argv.slice(2);
const client = { client_id: "microalign", client_secret: "a-client-secret-for-tests-only" };

// The port is in the issuer, so the server listens before there is a provider.
const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
    clients: [{
        ...client,
        redirect_uris: redirects.length > 0 ? redirects : ["http://127.0.0.1:8080/login/done"],
        response_types: ["code"],
        grant_types: ["authorization_code"],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
    scopes: ["openid", "email", "groups"],
    pkce: { required: () => true },
    cookies: { keys: ["for tests only"] },
    features: { devInteractions: { enabled: true } },
    // By default, all but the subject is only told when it is asked for, as by many providers.
    async findAccount(_, id) {
        const [email, ...groups] = id.split(/\s+/);
        const email_verified = !email.startsWith("unverified");
        return { accountId: id, claims: async () => ({ sub: id, email, email_verified, groups }) };
    },
});
// Its warnings about running without TLS and with its own pages are as intended here.
server.on("request", provider.callback());
console.log(JSON.stringify({ issuer, ...client }));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
