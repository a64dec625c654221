// OpenID Connect login of a public client: authorization code with PKCE (RFC 7636), renewal by
// refresh token. Tokens live in sessionStorage: they end with the tab.
const KEY = 'byon.login';

export class Login {
  #config;
  #metadata;
  #tokens;
  #renewal;

  /** @param {{issuer: string, clientId: string, scopes: string[], resource?: string}} config */
  constructor(config) {
    this.#config = config;
    this.#tokens = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') ?? undefined;
  }

  get isSignedIn() {
    return this.#tokens !== undefined;
  }

  /** Leaves for the operator's login page. */
  async start() {
    const { authorization_endpoint } = await this.#discover();
    const verifier = randomText();
    const state = randomText();
    sessionStorage.setItem(`${KEY}.pending`, JSON.stringify({ verifier, state }));
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.#config.clientId,
      redirect_uri: this.#redirectUri,
      scope: this.#config.scopes.join(' '),
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: 'S256',
      ...(this.#config.scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
      ...(this.#config.resource ? { resource: this.#config.resource } : {}),
    });
    location.assign(`${authorization_endpoint}?${query}`);
  }

  /** Takes the code out of the address when the login page sent us back. False when it did not. */
  async finish() {
    const query = new URLSearchParams(location.search);
    if (!query.has('code') && !query.has('error')) return false;
    history.replaceState(null, '', location.pathname);
    const pending = JSON.parse(sessionStorage.getItem(`${KEY}.pending`) ?? '{}');
    sessionStorage.removeItem(`${KEY}.pending`);
    if (query.has('error')) throw new Error(query.get('error_description') ?? query.get('error'));
    if (!pending.state || query.get('state') !== pending.state) {
      throw new Error('The answer does not belong to this login; try again.');
    }
    await this.#requestTokens({
      grant_type: 'authorization_code',
      code: query.get('code'),
      redirect_uri: this.#redirectUri,
      code_verifier: pending.verifier,
    });
    return true;
  }

  /** An access token good for another half minute at least; renewed once, however many ask. */
  async getToken() {
    if (!this.#tokens) throw new Error('Signed out.');
    if (Date.now() < this.#tokens.expiresAt - 30_000) return this.#tokens.accessToken;
    return this.renew();
  }

  async renew() {
    if (!this.#tokens?.refreshToken) {
      if (Date.now() < (this.#tokens?.expiresAt ?? 0)) return this.#tokens.accessToken;
      throw new Error('The login has expired; sign in again.');
    }
    this.#renewal ??= this.#requestTokens({
      grant_type: 'refresh_token',
      refresh_token: this.#tokens.refreshToken,
    }).finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
    return this.#tokens.accessToken;
  }

  signOut() {
    this.#tokens = undefined;
    sessionStorage.removeItem(KEY);
  }

  get #redirectUri() {
    return location.origin + location.pathname;
  }

  async #discover() {
    if (!this.#metadata) {
      const issuer = this.#config.issuer.replace(/\/$/, '');
      const response = await fetch(`${issuer}/.well-known/openid-configuration`);
      if (!response.ok) throw new Error('The login service cannot be reached.');
      this.#metadata = await response.json();
    }
    return this.#metadata;
  }

  async #requestTokens(parameters) {
    const { token_endpoint } = await this.#discover();
    const response = await fetch(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: this.#config.clientId,
        ...parameters,
        ...(this.#config.resource ? { resource: this.#config.resource } : {}),
      }),
    });
    const body = await response.json();
    if (!response.ok) {
      if (parameters.grant_type === 'refresh_token') this.signOut();
      throw new Error(body.error_description ?? body.error ?? 'Login failed.');
    }
    this.#tokens = {
      accessToken: body.access_token,
      refreshToken: body.refresh_token ?? this.#tokens?.refreshToken,
      expiresAt: Date.now() + (body.expires_in ?? 300) * 1000,
    };
    sessionStorage.setItem(KEY, JSON.stringify(this.#tokens));
  }
}

function randomText() {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier) {
  return base64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

function base64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
