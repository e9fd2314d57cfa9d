// The reference that the conformance harness proves itself on: `oidc-provider`, with the clients and the person that the
// harness knows. Arguments: port, certificate and key files (PEM), the harness's back-channel logout address, the callback
// of the application behind Apache.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'

// Packages are kept outside of the checkout, where an import by name does not look.
const { Provider, errors } = await import(`${process.env.WEFT_PEERS_NODE}/oidc-provider/lib/index.js`)

const [port, certificate, key, backchannel, apache] = process.argv.slice(2)
const issuer = `https://localhost:${port}`
const resource = 'https://api.example.org'

const person = {
  sub: 'ann',
  name: 'Ann Example',
  given_name: 'Ann',
  family_name: 'Example',
  preferred_username: 'ann',
  locale: 'en',
  updated_at: 1700000000,
  email: 'ann@example.org',
  email_verified: true,
  phone_number: '+4930123456',
  phone_number_verified: false,
  address: { formatted: 'Musterweg 1, Berlin' },
}

const web = {
  redirect_uris: ['https://rp.example.org/cb'],
  post_logout_redirect_uris: ['https://rp.example.org/bye'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
}

// One client's ID tokens are over soon: a hint has to count all the same.
const life_of_id_token = (_, __, client) => (client.clientId === 'web-post' ? 2 : 300)

const provider = new Provider(issuer, {
  clients: [
    {
      ...web,
      client_id: 'web-basic',
      client_secret: 'secret-of-basic-0123456789abcdef',
      backchannel_logout_uri: `${backchannel}/web-basic`,
      backchannel_logout_session_required: true,
    },
    {
      ...web,
      client_id: 'web-post',
      client_secret: 'secret-of-post-0123456789abcdef',
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...web,
      client_id: 'public',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      redirect_uris: ['http://127.0.0.1/cb'],
      post_logout_redirect_uris: [],
    },
    {
      ...web,
      client_id: 'apache',
      client_secret: 'secret-of-apache-0123456789abcdef',
      redirect_uris: [apache ?? 'https://rp.example.org/apache'],
    },
    {
      client_id: 'machine',
      client_secret: 'secret-of-machine-0123456789abcdef',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      scope: 'read',
    },
  ],
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'preferred_username', 'locale', 'updated_at'],
    email: ['email', 'email_verified'],
    phone: ['phone_number', 'phone_number_verified'],
    address: ['address'],
  },
  scopes: ['openid', 'offline_access', 'read'],
  acrValues: ['aal1'],
  findAccount: async (_, sub) => ({ accountId: sub, claims: async () => ({ ...person, sub }) }),
  pkce: { required: (_, client) => client.tokenEndpointAuthMethod === 'none' },
  rotateRefreshToken: (ctx) => ctx.oidc.client.tokenEndpointAuthMethod === 'none',
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, asked) => {
        if (asked !== resource) throw new errors.InvalidTarget()
        return { scope: 'read', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 300 }
      },
    },
  },
  // The harness's address for logout tokens is on this machine, where the provider refuses to call by itself.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  enableHttpPostMethods: true,
  allowOmittingSingleRegisteredRedirectUri: false,
  cookies: { keys: ['a key of this run only'], long: { sameSite: 'none', httpOnly: true, secure: true } },
  ttl: { AuthorizationCode: 60, Session: 3600, Interaction: 600, Grant: 3600, RefreshToken: 3600, AccessToken: 300, IdToken: life_of_id_token },
})
provider.on('server_error', (_, error) => console.error(error))

createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback()).listen(
  Number(port),
  '127.0.0.1',
  () => console.log('listening'),
)
