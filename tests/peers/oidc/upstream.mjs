// `oidc-provider` as an organisation's own provider: its people sign in with any name, and what it says of them is made of it.
// Arguments: port, certificate and key files (PEM), a file for its signing key, the algorithm, Weft's callback there.
//
// Lines that it reads: `rotate` makes another key sign, and publishes that one alone. It keeps its key over a restart.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { createInterface } from 'node:readline'

const { Provider } = await import(`${process.env.WEFT_PEERS_NODE}/oidc-provider/lib/index.js`)
const { createMemoryAdapter } = await import(`${process.env.WEFT_PEERS_NODE}/oidc-provider/lib/adapters/memory_adapter.js`)

const [port, certificate, key, kept, algorithm, callback] = process.argv.slice(2)

function made() {
  const { privateKey } =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: randomUUID() }
  writeFileSync(kept, JSON.stringify(jwk))
  return jwk
}

// What it keeps of people and codes: the library's own, in memory, and the same before and after its key changes.
const adapter = createMemoryAdapter()

function provider(jwk) {
  const one = new Provider(`https://localhost:${port}`, {
    adapter,
    jwks: { keys: [jwk] },
    clients: [
      {
        client_id: 'weft',
        client_secret: 'secret-of-weft-0123456789abcdef',
        redirect_uris: [callback],
        id_token_signed_response_alg: algorithm,
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name'] },
    conformIdTokenClaims: false,
    findAccount: async (_, sub) => ({
      accountId: sub,
      claims: async () => ({
        sub,
        name: `${sub} at work`,
        given_name: sub,
        family_name: 'Worker',
        email: `${sub}@corp.example`,
        email_verified: true,
      }),
    }),
    features: { devInteractions: { enabled: true } },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'] },
    cookies: { keys: ['a key of this run only'] },
    ttl: { AuthorizationCode: 60, Session: 3600, Interaction: 600, Grant: 3600, AccessToken: 300, IdToken: 300 },
  })
  one.on('server_error', (_, error) => console.error(error))
  return one.callback()
}

let serving = provider(existsSync(kept) ? JSON.parse(readFileSync(kept)) : made())
const server = createServer(
  { cert: readFileSync(certificate), key: readFileSync(key) },
  (request, response) => serving(request, response),
)
server.listen(Number(port), '127.0.0.1', () => console.log('listening'))
createInterface({ input: process.stdin })
  .on('line', () => {
    serving = provider(made())
    console.log('rotated')
  })
  // Whoever started it is gone.
  .on('close', () => process.exit(0))
