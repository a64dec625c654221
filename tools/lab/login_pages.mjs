// The login form of the identity provider, and consent without asking.

const PAGE = (uid, fault) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Operator login</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:16px system-ui;display:grid;place-items:center;min-height:90vh;background:#f4f5f7}
form{background:#fff;padding:2rem;border-radius:12px;display:grid;gap:.8rem;min-width:18rem}
input,button{font:inherit;padding:.5rem .7rem;border-radius:6px;border:1px solid #bbb}
button{background:#0b5fff;color:#fff;border:0}.fault{color:#b00020}</style>
<form method="post" action="/login/${uid}"><h1>Operator login</h1>${fault ? `<p class="fault">${fault}</p>` : ''}
<label>User <input name="user" autocomplete="username" autofocus required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form></html>`;

async function formOf(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 4096) throw new Error('form too long');
  }
  return new URLSearchParams(text);
}

/**
 * Koa middleware for /login/UID.
 * @param {object} provider
 * @param {{autoLogin: () => string | undefined, isUser: (name: string, password: string) => boolean,
 *   scopes: string[], resource: string}} options
 */
export function interactionRoutes(provider, { autoLogin, isUser, scopes, resource }) {
  async function grantAll(request, response, accountId, details) {
    const grant = details.grantId
      ? await provider.Grant.find(details.grantId)
      : new provider.Grant({ accountId, clientId: details.params.client_id });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(details.params.resource ?? resource, scopes.join(' '));
    return { consent: { grantId: await grant.save() } };
  }

  return async function loginPages(context, next) {
    const uid = /^\/login\/([\w-]+)$/.exec(context.path)?.[1];
    if (!uid) return next();
    const { req: request, res: response } = context;
    const details = await provider.interactionDetails(request, response);
    const finish = (result) =>
      provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
    context.respond = false;
    if (details.prompt.name === 'consent') {
      return finish(await grantAll(request, response, details.session.accountId, details));
    }
    const form = context.method === 'POST' ? await formOf(request) : undefined;
    const user = form ? form.get('user') : autoLogin();
    if (user && (!form || isUser(user, form.get('password')))) return finish({ login: { accountId: user } });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(PAGE(uid, form ? 'User or password is wrong.' : undefined));
  };
}
