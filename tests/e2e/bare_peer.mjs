// A browser's RTCPeerConnection on an empty page, driven by descriptions made by hand: for tests of the dataplane
// alone, over its gRPC contract.
import http from 'node:http';
import { once } from 'node:events';
import { measureTones } from '../../tools/lab/audio.mjs';
import { preparePage } from '../../tools/lab/browser.mjs';

/** Serves an empty page: getUserMedia wants a secure origin, and 127.0.0.1 is one. */
export async function emptyPageServer(ip = '127.0.0.1') {
  const server = http.createServer((request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>peer</title><audio autoplay></audio>'));
  server.listen(0, ip);
  await once(server, 'listening');
  return { url: `http://${ip}:${server.address().port}/`, stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(resolve); }) };
}

export class BarePeer {
  #page;
  #context;

  static async open(browser, url) {
    const peer = new BarePeer();
    peer.#context = await browser.newContext({ permissions: ['microphone'] });
    peer.#page = await peer.#context.newPage();
    await peer.#page.addInitScript(preparePage);
    await peer.#page.goto(url);
    await peer.#page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      window.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
      window.remote = new Promise((resolve) => {
        pc.ontrack = ({ track, streams }) => {
          const remote = streams[0] ?? new MediaStream([track]);
          document.querySelector('audio').srcObject = remote;
          resolve(remote);
        };
      });
      window.microphone = stream;
    });
    return peer;
  }

  get page() {
    return this.#page;
  }
  close() {
    return this.#context.close();
  }

  async offer() {
    return describe(await this.#page.evaluate(async () => {
      pc.addTrack(microphone.getAudioTracks()[0], microphone);
      await pc.setLocalDescription(await pc.createOffer());
      return pc.localDescription.sdp;
    }));
  }
  answerFrom(sdp) {
    return this.#page.evaluate((text) => pc.setRemoteDescription({ type: 'answer', sdp: text }), sdp);
  }
  /** Answers an offer of the gateway. */
  async answerTo(sdp) {
    return describe(await this.#page.evaluate(async (text) => {
      await pc.setRemoteDescription({ type: 'offer', sdp: text });
      pc.addTrack(microphone.getAudioTracks()[0], microphone);
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    }, sdp));
  }
  connected(timeout = 10_000) {
    return this.#page.waitForFunction(() => pc.connectionState === 'connected', null, { timeout, polling: 20 });
  }
  async measure(milliseconds) {
    const text = await this.#page.evaluate(async (ms) => window.labRecord(await window.remote, ms), milliseconds);
    const bytes = Buffer.from(text, 'base64');
    return measureTones(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)), 48000);
  }
  transport() {
    return this.#page.evaluate(async () => [...(await pc.getStats()).values()].find(({ type }) => type === 'transport'));
  }
  sendDigits(digits) {
    return this.#page.evaluate((text) => pc.getSenders()[0].dtmf.insertDTMF(text, 100, 70), digits);
  }
}

const line = (sdp, pattern) => pattern.exec(sdp)?.[1];

/** The parts of a browser's description that the dataplane must know. */
export function describe(sdp) {
  return {
    sdp,
    mid: line(sdp, /a=mid:(\S+)/),
    opus: Number(line(sdp, /a=rtpmap:(\d+) opus\/48000/i)),
    telephoneEvent: Number(line(sdp, /a=rtpmap:(\d+) telephone-event\/8000/)),
    ufrag: line(sdp, /a=ice-ufrag:(\S+)/),
    pwd: line(sdp, /a=ice-pwd:(\S+)/),
    fingerprint: line(sdp, /a=fingerprint:sha-256 (\S+)/),
  };
}

/** What the dataplane is told about the browser. @param {'CLIENT' | 'SERVER'} role of the gateway in DTLS */
export function accessRemote(browser, role) {
  const opus = { payload_type: browser.opus, encoding_name: 'opus', clock_rate_hz: 48000, channels: 2, use_inband_fec: true };
  return {
    ice_ufrag: browser.ufrag, ice_pwd: browser.pwd, fingerprints: [{ algorithm: 'sha-256', value: browser.fingerprint }],
    gateway_dtls_role: `DTLS_ROLE_${role}`, direction: 'DIRECTION_SENDRECV',
    audio: {
      send: opus, receive: [opus],
      telephone_events: browser.telephoneEvent ? [{ payload_type: browser.telephoneEvent, clock_rate_hz: 8000 }] : [],
    },
  };
}

/** The gateway's description for the browser. @param {object} local AccessLocal */
export function gatewaySdp(local, { mid = '0', opus = 111, telephoneEvent = 126, setup }) {
  const [first] = local.candidates;
  const family = first.ip.includes(':') ? 'IP6' : 'IP4';
  return [
    'v=0', `o=- 1 1 IN ${family} ${first.ip}`, 's=-', 't=0 0', 'a=ice-lite', `a=group:BUNDLE ${mid}`, 'a=msid-semantic: WMS gateway',
    `m=audio ${first.port} UDP/TLS/RTP/SAVPF ${opus} ${telephoneEvent}`, `c=IN ${family} ${first.ip}`, `a=mid:${mid}`,
    `a=ice-ufrag:${local.ice_ufrag}`, `a=ice-pwd:${local.ice_pwd}`,
    `a=fingerprint:${local.fingerprint.algorithm} ${local.fingerprint.value}`, `a=setup:${setup}`, 'a=rtcp-mux', 'a=sendrecv',
    'a=msid:gateway audio', `a=rtpmap:${opus} opus/48000/2`, `a=fmtp:${opus} minptime=10;useinbandfec=1`,
    `a=rtpmap:${telephoneEvent} telephone-event/8000`, `a=ssrc:${local.ssrc} cname:${local.cname}`,
    ...local.candidates.map(({ ip, port, priority, foundation }) => `a=candidate:${foundation || 1} 1 udp ${priority} ${ip} ${port} typ host`),
    'a=end-of-candidates', '',
  ].join('\r\n');
}
