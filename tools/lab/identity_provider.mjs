// The operator's identity provider: npm oidc-provider with three subscribers, CAMARA's scopes and the
// mobile number in every access token.
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { SignJWT, importJWK } from 'jose';
import { interactionRoutes } from './login_pages.mjs';

export const AUDIENCE = 'https://gw.example.com/webrtc';
export const OPAQUE_AUDIENCE = 'https://gw.example.com/webrtc-opaque';

const EVENTS = 'webrtc-events-subscriptions';
const EVENTS_OF_R2_2 = 'webrtc-events';
const EVENT_TYPES = ['session-status', 'session-invitation', 'registration-ends'];
/** Every scope of CAMARA's three WebRTC APIs, releases r3.1 and r2.2. */
export const CAMARA_SCOPES = [
  ...['webrtc-registration', 'webrtc-call-handling'].flatMap((api) =>
    ['create', 'read', 'write', 'delete'].map((verb) => `${api}:sessions:${verb}`)),
  ...[EVENTS, EVENTS_OF_R2_2].flatMap((api) => EVENT_TYPES.map((type) => `${api}:org.camaraproject.${api}.v0.${type}:create`)),
  ...['read', 'update', 'delete'].map((verb) => `${EVENTS}:${verb}`),
  ...['read', 'delete'].map((verb) => `${EVENTS_OF_R2_2}:${verb}`),
];

/** What the gateway has beside CAMARA. */
export const EXTENSION_SCOPES = ['messages', 'presence'].flatMap((area) => ['read', 'write'].map((verb) => `byon:${area}:${verb}`));
export const ALL_SCOPES = [...CAMARA_SCOPES, ...EXTENSION_SCOPES];
/** What servers are given beside: of a business whose pages may be called from. */
export const SERVICE_SCOPES = ['read', 'write'].map((verb) => `byon:click-to-call:${verb}`);

export const USERS = {
  alice: '+34600000001', bob: '+34600000002', carol: '+34600000003', dave: '+34600000004', erin: '+34600000005',
};
export const SERVICE_CLIENT = { id: 'byon-service', secret: 'service-secret-of-the-laboratory' };
export const GATEWAY_CLIENT = { id: 'gateway', secret: 'gateway-secret-of-the-laboratory' };

const KEY_KINDS = {
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  EdDSA: ['ed25519', {}],
};
export const ALGORITHMS = Object.keys(KEY_KINDS);

function makeKey(algorithm, kid) {
  const { privateKey } = generateKeyPairSync(...KEY_KINDS[algorithm]);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
}

export class IdentityProvider {
  #options;
  #server;
  #provider;
  #callback;
  #keys = [];
  #generation = 0;

  /** Set to a user's name: whoever comes to the login page is that user, without a form. */
  autoLogin;
  /** Life of access tokens in seconds, for tokens issued from now on. */
  accessTokenTtl = 3600;

  /**
   * @param {{ip: string, port: number, webOrigins: string[], algorithm?: 'ES256'|'RS256'|'PS256'|'EdDSA',
   *   passwords?: Record<string, string>}} options `webOrigins`: where the web client is served
   */
  constructor(options) {
    this.#options = { algorithm: 'ES256', ...options };
    this.issuer = `http://${options.ip}:${options.port}`;
  }

  async start() {
    // After a stop() it is the same provider as before: its keys and grants are still good.
    if (this.#keys.length === 0) {
      this.#keys = this.#newKeys();
      await this.#makeProvider();
    }
    this.#server = http.createServer((request, response) => this.#callback(request, response));
    this.#server.listen(this.#options.port, this.#options.ip);
    await once(this.#server, 'listening');
  }

  async stop() {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => (this.#server ? this.#server.close(resolve) : resolve()));
  }

  /** Signs with new keys from now on; the old ones stay in the JWKS unless told otherwise. */
  async rotateKeys({ keepsOld = true } = {}) {
    this.#keys = [...this.#newKeys(), ...(keepsOld ? this.#keys : [])];
    await this.#makeProvider();
  }

  /** An access token of a user, as the web client would get it. */
  async token(user, { scopes = ALL_SCOPES, resource = AUDIENCE, ttl, client = 'byon-web', algorithm } = {}) {
    const token = new this.#provider.AccessToken({
      accountId: user,
      client: await this.#provider.Client.find(client),
      scope: ['openid', 'offline_access', ...scopes].join(' '),
      gty: 'authorization_code',
      ...(ttl ? { expiresIn: ttl } : {}),
    });
    token.resourceServer = this.#resourceServer(resource, algorithm);
    return token.save();
  }

  /** A 2-legged token over the wire (client_credentials). */
  async serviceToken({ scopes = [...ALL_SCOPES, ...SERVICE_SCOPES], resource = AUDIENCE } = {}) {
    const { id, secret } = SERVICE_CLIENT;
    const response = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: scopes.join(' '), resource }),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`client_credentials: ${JSON.stringify(body)}`);
    return body.access_token;
  }

  /**
   * A token that must be refused, or any other of one's own making: claims and header over those of a
   * good one. `key`: 'own' (default), 'foreign' (same kid), 'none' (alg none) or 'hmac' (the public key as
   * an HS256 secret).
   */
  async forgedToken(user, { claims = {}, header = {}, key = 'own' } = {}) {
    const own = this.#keyOf();
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.issuer, sub: user, aud: AUDIENCE, client_id: 'byon-web', jti: randomUUID(), iat: now, exp: now + 3600,
      scope: ALL_SCOPES.join(' '), phone_number: USERS[user], ...claims,
    };
    const full = { alg: own.alg, kid: own.kid, typ: 'at+jwt', ...header };
    for (const [name, value] of Object.entries(payload)) if (value === undefined) delete payload[name];
    const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    if (key === 'none') return `${encode({ ...full, alg: 'none' })}.${encode(payload)}.`;
    if (key === 'hmac') {
      const body = `${encode({ ...full, alg: 'HS256' })}.${encode(payload)}`;
      return `${body}.${createHmac('sha256', Buffer.from(JSON.stringify(publicPart(own)))).update(body).digest('base64url')}`;
    }
    const signing = key === 'foreign' ? makeKey(own.alg, own.kid) : own;
    const crit = Object.fromEntries((full.crit ?? []).map((name) => [name, true]));
    return new SignJWT(payload).setProtectedHeader(full).sign(await importJWK(signing, own.alg), { crit });
  }

  #newKeys() {
    ++this.#generation;
    return ALGORITHMS.map((algorithm) => makeKey(algorithm, `${algorithm}-${this.#generation}`));
  }
  /** The newest key of an algorithm. */
  #keyOf(algorithm = this.#options.algorithm) {
    return this.#keys.find(({ alg }) => alg === algorithm);
  }

  #resourceServer(resource, algorithm) {
    const isOpaque = resource === OPAQUE_AUDIENCE;
    return new this.#provider.ResourceServer(resource, {
      scope: [...ALL_SCOPES, ...SERVICE_SCOPES].join(' '),
      audience: resource,
      accessTokenTTL: this.accessTokenTtl,
      accessTokenFormat: isOpaque ? 'opaque' : 'jwt',
      ...(isOpaque ? {} : { jwt: { sign: { alg: this.#keyOf(algorithm).alg, kid: this.#keyOf(algorithm).kid } } }),
    });
  }

  async #makeProvider() {
    // The provider warns about every runtime but its newest; that is no news in a laboratory.
    const { warn } = console;
    console.warn = () => {};
    try {
      const { default: Provider } = await import('oidc-provider');
      this.#provider = new Provider(this.issuer, this.#configuration());
    } finally {
      console.warn = warn;
    }
    this.#provider.on('server_error', (context, error) => console.error('identity provider:', error));
    const pages = interactionRoutes(this.#provider, {
      autoLogin: () => this.autoLogin,
      isUser: (name, password) => Object.hasOwn(USERS, name) && (this.#options.passwords?.[name] ?? name) === password,
      scopes: ALL_SCOPES,
      resource: AUDIENCE,
    });
    this.#provider.use(pages);
    this.#callback = this.#provider.callback();
  }

  #configuration() {
    const { webOrigins } = this.#options;
    return {
      clients: [
        {
          client_id: 'byon-web', token_endpoint_auth_method: 'none', application_type: 'web',
          redirect_uris: webOrigins.map((origin) => `${origin}/`),
          grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
        },
        {
          client_id: SERVICE_CLIENT.id, client_secret: SERVICE_CLIENT.secret, redirect_uris: [], response_types: [],
          grant_types: ['client_credentials'],
        },
        {
          client_id: GATEWAY_CLIENT.id, client_secret: GATEWAY_CLIENT.secret, redirect_uris: [], response_types: [],
          grant_types: [],
        },
      ],
      jwks: { keys: this.#keys },
      // CAMARA's scopes belong to the resource server, not to OpenID: listing them here would ask for both.
      scopes: ['openid', 'offline_access'],
      claims: { openid: ['sub'], phone: ['phone_number'] },
      pkce: { required: () => true },
      cookies: { keys: [randomUUID()] },
      clientBasedCORS: (context, origin) => webOrigins.includes(origin),
      findAccount: async (context, id) =>
        Object.hasOwn(USERS, id)
          ? { accountId: id, claims: async () => ({ sub: id, phone_number: USERS[id] }) }
          : undefined,
      extraTokenClaims: (context, { accountId }) => (accountId ? { phone_number: USERS[accountId] } : {}),
      interactions: { url: (context, { uid }) => `/login/${uid}` },
      issueRefreshToken: async (context, client) => client.grantTypeAllowed('refresh_token'),
      ttl: {
        AccessToken: () => this.accessTokenTtl, ClientCredentials: () => this.accessTokenTtl, AuthorizationCode: 60,
        RefreshToken: 86400, Session: 86400, Grant: 86400, Interaction: 600, IdToken: 3600,
      },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: (context, client) => client.clientId === GATEWAY_CLIENT.id },
        revocation: { enabled: true, allowedPolicy: (context, client, token) => token.clientId === client.clientId },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => AUDIENCE,
          useGrantedResource: () => true,
          getResourceServerInfo: (context, resource) => this.#resourceServer(resource),
        },
      },
    };
  }
}

function publicPart({ d, p, q, dp, dq, qi, ...rest }) {
  return rest;
}
