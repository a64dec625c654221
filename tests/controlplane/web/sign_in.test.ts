import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SignIn } from '../../../controlplane/web/sdk/src/byon.js';

class Storage {
  readonly values = new Map<string, string>();
  getItem = (key: string) => this.values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.values.set(key, value);
  removeItem = (key: string) => void this.values.delete(key);
}

describe('SignIn', () => {
  let storage: Storage;
  let page: { origin: string; pathname: string; search: string; assign: ReturnType<typeof vi.fn> };
  let replies: Record<string, (body: URLSearchParams) => [number, object]>;
  const asked: [string, URLSearchParams][] = [];

  beforeEach(() => {
    vi.useFakeTimers();
    storage = new Storage();
    asked.length = 0;
    page = { origin: 'https://app.example', pathname: '/', search: '', assign: vi.fn() };
    replies = {
      'https://gw.example/byon/v1/config': () => [200, { issuer: 'https://idp.example', clientId: 'web', scopes: ['openid', 'offline_access'], apiRoot: 'https://gw.example' }],
      'https://idp.example/.well-known/openid-configuration': () => [200, { authorization_endpoint: 'https://idp.example/auth', token_endpoint: 'https://idp.example/token', revocation_endpoint: 'https://idp.example/revoke' }],
      'https://idp.example/token': (body) => [200, { access_token: `access-${body.get('grant_type')}`, refresh_token: 'refresh', expires_in: 600 }],
      'https://idp.example/revoke': () => [200, {}],
    };
    vi.stubGlobal('sessionStorage', storage);
    vi.stubGlobal('location', page);
    vi.stubGlobal('history', { replaceState: (_: unknown, __: string, url: string) => (page.search = url.split('?')[1] ?? '') });
    vi.stubGlobal('fetch', async (url: string, init: { body?: URLSearchParams } = {}) => {
      const body = new URLSearchParams(init.body);
      asked.push([url, body]);
      const [status, answer] = (replies[url] ?? (() => [404, {}]))(body);
      return new Response(JSON.stringify(answer), { status });
    });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  const open = () => SignIn.open({ gateway: 'https://gw.example/' });

  async function leave() {
    const signIn = await open();
    void signIn.start();
    await vi.waitFor(() => expect(page.assign).toHaveBeenCalled());
    return new URL(page.assign.mock.calls[0]?.[0] as string);
  }
  async function signedIn() {
    const url = await leave();
    page.search = `?code=C&state=${url.searchParams.get('state')}&iss=x&keep=1`;
    return open();
  }

  test('leaves with a challenge and comes back with its verifier', async () => {
    const url = await leave();
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code', client_id: 'web', redirect_uri: 'https://app.example/', code_challenge_method: 'S256', scope: 'openid offline_access', prompt: 'consent',
    });
    page.search = `?code=C&state=${url.searchParams.get('state')}`;
    const signIn = await open();
    expect(signIn.isSignedIn).toBe(true);
    const [, body] = asked.find(([address]) => address.endsWith('/token')) ?? [];
    expect(body?.get('grant_type')).toBe('authorization_code');
    const verifier = new TextEncoder().encode(body?.get('code_verifier') ?? '');
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', verifier)).toString('base64url');
    expect(digest).toBe(url.searchParams.get('code_challenge'));
    expect(await signIn.getToken()).toBe('access-authorization_code');
  });

  test('the answer leaves the address, what is the page\'s own stays', async () => {
    await signedIn();
    expect(page.search).toBe('keep=1');
  });

  test('an answer to another sign-in is refused', async () => {
    await leave();
    page.search = '?code=C&state=foreign';
    await expect(open()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
    expect(asked.some(([address]) => address.endsWith('/token'))).toBe(false);
  });

  test('a code that nobody asked for is not looked at', async () => {
    page.search = '?code=C&state=S';
    expect((await open()).isSignedIn).toBe(false);
  });

  test('the operator\'s refusal is told, once', async () => {
    await leave();
    page.search = '?error=access_denied&error_description=No+thanks&state=x';
    await expect(open()).rejects.toMatchObject({ code: 'SIGNED_OUT', message: 'No thanks' });
    expect((await open()).isSignedIn).toBe(false);
  });

  test('a token near its end is renewed once, however many ask', async () => {
    const signIn = await signedIn();
    vi.setSystemTime(Date.now() + 580_000);
    asked.length = 0;
    expect(await Promise.all([signIn.getToken(), signIn.getToken(), signIn.getToken()])).toEqual(Array(3).fill('access-refresh_token'));
    expect(asked.filter(([address]) => address.endsWith('/token'))).toHaveLength(1);
  });

  test('a refusal to renew signs out, a stumble does not', async () => {
    const signIn = await signedIn();
    replies['https://idp.example/token'] = () => [503, {}];
    await expect(signIn.renew()).rejects.toMatchObject({ code: 'NETWORK' });
    expect(signIn.isSignedIn).toBe(true);
    replies['https://idp.example/token'] = () => [400, { error: 'invalid_grant' }];
    await expect(signIn.renew()).rejects.toMatchObject({ code: 'SIGNED_OUT', message: 'invalid_grant' });
    expect(signIn.isSignedIn).toBe(false);
    await expect(signIn.getToken()).rejects.toMatchObject({ code: 'SIGNED_OUT' });
  });

  test('it lives as long as the tab, and signing out revokes it', async () => {
    await signedIn();
    const again = await open();
    expect(again.isSignedIn).toBe(true);
    await again.signOut();
    expect(again.isSignedIn).toBe(false);
    expect(storage.values.size).toBe(0);
    expect(asked.at(-1)?.[1].get('token')).toBe('refresh');
  });
});
