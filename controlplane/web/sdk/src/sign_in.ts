import { ByonError } from './error.js';
import type { PageConfig } from './wire.js';

const KEY = 'byon.login';
/** A token is renewed so long before its end: a request under way must not outlive it. */
const SPARE_MS = 30_000;

interface Tokens {
  accessToken: string;
  refreshToken?: string | undefined;
  /** Milliseconds since 1970. */
  expiresAt: number;
}
interface Metadata {
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint?: string;
}

/**
 * Signs the user in at the operator: OpenID Connect, authorization code with PKCE (RFC 7636), renewal by refresh token.
 * Tokens live in sessionStorage: they end with the tab.
 */
export class SignIn {
  /** What the gateway says about itself and the operator's identity provider. */
  readonly config: PageConfig;
  #tokens: Tokens | undefined;
  #metadata: Metadata | undefined;
  #renewal: Promise<void> | undefined;

  private constructor(config: PageConfig) {
    this.config = config;
    const stored = sessionStorage.getItem(KEY);
    this.#tokens = stored ? (JSON.parse(stored) as Tokens) : undefined;
  }

  /**
   * Asks the gateway where to sign in; ends a sign-in when the operator's page has just sent the user back.
   * Fails with `SIGNED_OUT` when the operator refused.
   */
  static async open({ gateway = location.origin }: { gateway?: string } = {}): Promise<SignIn> {
    const response = await fetch(`${gateway.replace(/\/+$/, '')}/byon/v1/config`).catch((cause: unknown) => {
      throw new ByonError('NETWORK', 'The gateway cannot be reached.', { cause });
    });
    if (!response.ok) throw new ByonError('NETWORK', 'The gateway cannot be reached.', { status: response.status });
    const signIn = new SignIn((await response.json()) as PageConfig);
    await signIn.#finish();
    return signIn;
  }

  get isSignedIn(): boolean {
    return this.#tokens !== undefined;
  }

  /** Leaves for the operator's page unless the user is signed in already: the rest of the script runs when he is. */
  async ensure(): Promise<void> {
    if (!this.isSignedIn) await this.start();
  }

  /** Leaves for the operator's page. Never resolves: the page goes away. */
  async start(): Promise<never> {
    const { authorization_endpoint } = await this.#discover();
    const verifier = randomText();
    const state = randomText();
    sessionStorage.setItem(`${KEY}.pending`, JSON.stringify({ verifier, state }));
    const { clientId, scopes, resource } = this.config;
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri(),
      scope: scopes.join(' '),
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: 'S256',
      ...(scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
      ...(resource ? { resource } : {}),
    });
    location.assign(`${authorization_endpoint}?${query}`);
    return new Promise<never>(() => {});
  }

  /** An access token good for another half minute at least; renewed once, however many ask. */
  async getToken(): Promise<string> {
    if (!this.#tokens) throw new ByonError('SIGNED_OUT', 'Signed out.');
    if (Date.now() < this.#tokens.expiresAt - SPARE_MS) return this.#tokens.accessToken;
    return this.renew();
  }

  /** Renews the access token now. Fails with `SIGNED_OUT` when the operator wants the user to sign in again. */
  async renew(): Promise<string> {
    const { refreshToken, accessToken, expiresAt } = this.#tokens ?? { accessToken: '', expiresAt: 0 };
    if (!refreshToken) {
      if (Date.now() < expiresAt) return accessToken;
      throw new ByonError('SIGNED_OUT', 'The sign-in has expired; sign in again.');
    }
    this.#renewal ??= this.#requestTokens({ grant_type: 'refresh_token', refresh_token: refreshToken }).finally(() => {
      this.#renewal = undefined;
    });
    await this.#renewal;
    return this.#tokens?.accessToken as string;
  }

  /** Forgets the tokens, and asks the operator to as well (RFC 7009). */
  async signOut(): Promise<void> {
    const token = this.#tokens?.refreshToken;
    this.#forget();
    if (!token) return;
    const { revocation_endpoint } = await this.#discover().catch((): Partial<Metadata> => ({}));
    if (!revocation_endpoint) return;
    const body = new URLSearchParams({ client_id: this.config.clientId, token, token_type_hint: 'refresh_token' });
    await fetch(revocation_endpoint, { method: 'POST', body, keepalive: true }).catch(() => {});
  }

  /** Takes the code out of the address when the operator's page sent the user back. */
  async #finish(): Promise<void> {
    const query = new URLSearchParams(location.search);
    const pending = sessionStorage.getItem(`${KEY}.pending`);
    const { code, error, state, error_description: description } = Object.fromEntries(query) as Record<string, string | undefined>;
    if ((!code && !error) || !pending) return;
    sessionStorage.removeItem(`${KEY}.pending`);
    for (const name of ['code', 'state', 'iss', 'session_state', 'error', 'error_description']) query.delete(name);
    history.replaceState(null, '', location.pathname + (query.size > 0 ? `?${query}` : ''));
    if (error) throw new ByonError('SIGNED_OUT', description ?? error);
    const { verifier, state: expected } = JSON.parse(pending) as { verifier: string; state: string };
    if (state !== expected) throw new ByonError('SIGNED_OUT', 'The answer does not belong to this sign-in; try again.');
    await this.#requestTokens({ grant_type: 'authorization_code', code: code as string, redirect_uri: redirectUri(), code_verifier: verifier });
  }

  #forget(): void {
    this.#tokens = undefined;
    sessionStorage.removeItem(KEY);
  }

  async #discover(): Promise<Metadata> {
    if (!this.#metadata) {
      const issuer = this.config.issuer.replace(/\/$/, '');
      const response = await fetch(`${issuer}/.well-known/openid-configuration`).catch((cause: unknown) => {
        throw new ByonError('NETWORK', 'The sign-in service cannot be reached.', { cause });
      });
      if (!response.ok) throw new ByonError('NETWORK', 'The sign-in service cannot be reached.', { status: response.status });
      this.#metadata = (await response.json()) as Metadata;
    }
    return this.#metadata;
  }

  async #requestTokens(parameters: Record<string, string>): Promise<void> {
    const { token_endpoint } = await this.#discover();
    const { clientId, resource } = this.config;
    const response = await fetch(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({ client_id: clientId, ...parameters, ...(resource ? { resource } : {}) }),
    }).catch((cause: unknown) => {
      throw new ByonError('NETWORK', 'The sign-in service cannot be reached.', { cause });
    });
    const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
    if (!response.ok || typeof body['access_token'] !== 'string') {
      // A provider that stumbles is no reason to sign the user out; one that refuses is.
      if (response.status >= 500 || response.ok) throw new ByonError('NETWORK', 'The sign-in service does not answer as it should.', { status: response.status });
      if (parameters['grant_type'] === 'refresh_token') this.#forget();
      throw new ByonError('SIGNED_OUT', String(body['error_description'] ?? body['error'] ?? 'The sign-in failed.'), { status: response.status });
    }
    this.#tokens = {
      accessToken: body['access_token'],
      refreshToken: (body['refresh_token'] as string | undefined) ?? this.#tokens?.refreshToken,
      expiresAt: Date.now() + (Number(body['expires_in']) || 300) * 1000,
    };
    sessionStorage.setItem(KEY, JSON.stringify(this.#tokens));
  }
}

function redirectUri(): string {
  return location.origin + location.pathname;
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challengeOf(verifier: string): Promise<string> {
  return base64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
