import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ByonError, Device, type Message, type Presence, RestTransport } from '../../../controlplane/web/sdk/src/byon.js';
import { FakeGateway, settle } from './fakes.js';

const OURS = 'org.byon-gateway.events.v1.';

function message(extra: Partial<Message> = {}): Message {
  return {
    messageId: 'm1', direction: 'incoming', from: 'tel:+34600000002', to: 'tel:+34600000001', text: 'hello', state: 'received',
    createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z', ...extra,
  };
}

describe('messages of a device', () => {
  let gateway: FakeGateway;
  let device: Device;
  let received: Message[];
  beforeEach(async () => {
    gateway = new FakeGateway();
    device = new Device({ gateway: 'http://gw', token: 't', deviceId: 'd', transport: gateway });
    received = [];
    device.on('message', (one) => received.push(one));
    await device.register();
  });
  afterEach(() => {
    device.destroy();
    vi.restoreAllMocks();
  });

  test('are sent from its registration, to numbers as people write them', async () => {
    gateway.handlers['message.send'] = (_, body) => message({ direction: 'outgoing', state: 'queued', text: String(body['text']) });
    const sent = await device.sendMessage('+34 600 000 002', 'hi', { deliveryReport: true });
    expect(sent.state).toBe('queued');
    const [asked] = gateway.asked('message.send');
    expect(asked?.body).toEqual({ to: 'tel:+34600000002', text: 'hi', registrationId: 'reg-1', deliveryReport: true });
    expect(asked?.params['idempotencyKey']).toMatch(/^[0-9a-f-]{36}$/);
    await expect(device.sendMessage('not a number!', 'x')).rejects.toThrow(ByonError);
  });

  test('come once, as event or after a gap, and their changes too', async () => {
    const changes: string[] = [];
    device.on('messageStatus', ({ state }) => changes.push(state));
    gateway.event(`${OURS}message-received`, message());
    gateway.event(`${OURS}message-received`, message());
    gateway.event(`${OURS}message-status`, message({ state: 'read' }));
    gateway.handlers['message.list'] = () => [message({ messageId: 'm3' }), message({ messageId: 'm2', state: 'read' }), message()];
    gateway.tell('gap');
    await settle();
    expect(received.map(({ messageId }) => messageId)).toEqual(['m1', 'm3']);
    expect(changes).toEqual(['read']);
  });

  test('a gateway without them is no error', async () => {
    const errors: Error[] = [];
    device.on('error', (error) => errors.push(error));
    gateway.handlers['message.list'] = () => {
      throw new ByonError('PERMISSION_DENIED', 'no', { status: 403 });
    };
    gateway.tell('gap');
    await settle();
    expect(errors).toEqual([]);
  });

  test('presence is asked for, watched and told of', async () => {
    const told: Presence[] = [];
    device.on('presence', (one) => told.push(one));
    const busy: Presence = { phoneNumber: '+34600000002', state: 'on-the-phone', isRefused: false };
    gateway.handlers['presence.watch'] = () => busy;
    gateway.handlers['presence.list'] = () => ({ own: busy, watched: [busy] });
    gateway.handlers['presence.unwatch'] = () => undefined;
    expect(await device.watch('+34600000002')).toEqual(busy);
    expect((await device.presence()).watched).toEqual([busy]);
    await device.unwatch('+34600000002');
    gateway.event(`${OURS}presence-changed`, busy);
    expect(told).toEqual([busy]);
  });

  test('over REST only what is asked for stands in the query', async () => {
    const urls: string[] = [];
    const fetch = async (url: unknown) => {
      urls.push(String(url));
      return new Response('[]', { status: 200 });
    };
    const rest = new RestTransport({ gateway: 'http://gw', getToken: async () => 't', fetch: fetch as typeof globalThis.fetch });
    await rest.request('message.list', {});
    await rest.request('message.list', { peer: 'tel:+34600000002', limit: '5' });
    expect(urls).toEqual(['http://gw/byon/v1/messages', 'http://gw/byon/v1/messages?peer=tel%3A%2B34600000002&limit=5']);
  });
});
