// An application on `openid-client`. Arguments: issuer, client id, redirect URI. Environment: CLIENT_SECRET,
// NODE_EXTRA_CA_CERTS. Prints the address to open, reads the address the browser came back to, signs in, asks userinfo,
// refreshes and revokes, and prints what it learnt as JSON.
import { createInterface } from 'node:readline/promises'

const rp = await import(`${process.env.WEFT_PEERS_NODE}/openid-client/build/index.js`)
const [issuer, id, redirect_uri] = process.argv.slice(2)
const authentication = rp.ClientSecretBasic(process.env.CLIENT_SECRET)
const config = await rp.discovery(new URL(issuer), id, undefined, authentication)

const verifier = rp.randomPKCECodeVerifier()
const [state, nonce] = [rp.randomState(), rp.randomNonce()]
const open = rp.buildAuthorizationUrl(config, {
  redirect_uri,
  scope: 'openid profile email offline_access',
  prompt: 'consent',
  code_challenge: await rp.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
  max_age: '600',
})
console.log(open.href)

const input = createInterface({ input: process.stdin })
const answer = new URL(await input[Symbol.asyncIterator]().next().then(({ value }) => value))
const tokens = await rp.authorizationCodeGrant(config, answer, {
  pkceCodeVerifier: verifier,
  expectedState: state,
  expectedNonce: nonce,
  maxAge: 600,
  idTokenExpected: true,
})
const claims = tokens.claims()
const info = await rp.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await rp.refreshTokenGrant(config, tokens.refresh_token)
const introspected = await rp.tokenIntrospection(config, refreshed.access_token)
await rp.tokenRevocation(config, refreshed.refresh_token ?? tokens.refresh_token)
const after = await rp.tokenIntrospection(config, refreshed.access_token)
console.log(JSON.stringify({ sub: claims.sub, email: info.email, active: introspected.active, after: after.active }))
input.close()
