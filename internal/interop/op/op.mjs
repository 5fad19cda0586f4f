// An OpenID Provider on a free loopback port: one native public client, strict refresh token rotation, development login pages.
//
//   PORT    0 (any free port)       AT_TTL  3600 seconds that an access token lives
//   DC_TTL  600 seconds that a device code lives
//
// Prints "READY <issuer>" once it listens. It ends when its standard input does, so it never outlives who started it.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const { PORT = '0', AT_TTL = '3600', DC_TTL = '600' } = process.env;

// Any login is an account. ".test" is reserved (RFC 2606 section 2), so no address here belongs to anyone.
const findAccount = (_ctx, id) => ({
  accountId: id,
  claims: () => ({
    sub: id,
    name: `${id} Example`,
    preferred_username: id,
    email: `${id}@example.test`,
    email_verified: true,
  }),
});

const configuration = {
  findAccount,
  clients: [{
    client_id: 'interop',
    client_name: 'Interop',
    application_type: 'native', // RFC 8252 section 7.3: the port of a loopback redirect is free, the path is not
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: ['127.0.0.1', '[::1]', 'localhost']
      .flatMap((host) => [`http://${host}`, `http://${host}/`, `http://${host}/callback`]),
  }],
  jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'fresh', use: 'sig' }] },
  cookies: { keys: ['interop'] },
  scopes: ['openid', 'offline_access', 'notes.read'],
  claims: { profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false, // profile and email in the ID token, as most providers do it
  pkce: { required: () => true },
  rotateRefreshToken: true, // the old one dies at once, and whoever shows it again ends the whole grant
  features: {
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
  },
  ttl: {
    AccessToken: Number(AT_TTL),
    DeviceCode: Number(DC_TTL),
    IdToken: 3600, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600, AuthorizationCode: 60,
  },
};

const server = createServer();
server.listen(Number(PORT), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`; // known only now, and the provider wants it at birth
  const provider = new Provider(issuer, configuration);
  for (const event of ['authorization.error', 'grant.error', 'revocation.error', 'server_error']) {
    provider.on(event, (_ctx, error) => console.log(event, error.message, error.error_detail ?? ''));
  }
  server.on('request', provider.callback());
  console.log(`READY ${issuer}`);
});
process.stdin.resume().on('end', () => process.exit());
