// Diameter messages (RFC 6733 sections 3 and 4), as far as the Cx interface needs them.

export const VENDOR_3GPP = 10415;

/** AVP names of RFC 6733 and TS 29.229 that are used here, with the vendor that owns them. */
const AVPS = {
  'User-Name': [1], 'Host-IP-Address': [257], 'Auth-Application-Id': [258], 'Vendor-Specific-Application-Id': [260],
  'Session-Id': [263], 'Origin-Host': [264], 'Supported-Vendor-Id': [265], 'Vendor-Id': [266], 'Result-Code': [268],
  'Product-Name': [269], 'Auth-Session-State': [277], 'Destination-Realm': [283], 'Destination-Host': [293],
  'Origin-Realm': [296], 'Experimental-Result': [297], 'Experimental-Result-Code': [298],
  'Visited-Network-Identifier': [600, VENDOR_3GPP], 'Public-Identity': [601, VENDOR_3GPP], 'Server-Name': [602, VENDOR_3GPP],
  'User-Data': [606, VENDOR_3GPP], 'SIP-Number-Auth-Items': [607, VENDOR_3GPP], 'SIP-Authentication-Scheme': [608, VENDOR_3GPP],
  'SIP-Authenticate': [609, VENDOR_3GPP], 'SIP-Authorization': [610, VENDOR_3GPP], 'SIP-Auth-Data-Item': [612, VENDOR_3GPP],
  'SIP-Item-Number': [613, VENDOR_3GPP], 'Server-Assignment-Type': [614, VENDOR_3GPP],
  'Deregistration-Reason': [615, VENDOR_3GPP], 'Reason-Code': [616, VENDOR_3GPP], 'Reason-Info': [617, VENDOR_3GPP],
  'User-Authorization-Type': [623, VENDOR_3GPP], 'Confidentiality-Key': [625, VENDOR_3GPP], 'Integrity-Key': [626, VENDOR_3GPP],
};
const NAMES = new Map(Object.entries(AVPS).map(([name, [code, vendor = 0]]) => [`${vendor}:${code}`, name]));

/** @param {number | string | Buffer | Array<[string, any]>} value a number is Unsigned32, a list is Grouped */
function encodeAvp([name, value]) {
  const [code, vendor = 0] = AVPS[name];
  let data = value;
  if (typeof value === 'number') {
    data = Buffer.alloc(4);
    data.writeUInt32BE(value);
  } else if (typeof value === 'string') data = Buffer.from(value);
  else if (Array.isArray(value)) data = Buffer.concat(value.map(encodeAvp));
  const header = Buffer.alloc(vendor ? 12 : 8);
  header.writeUInt32BE(code, 0);
  header.writeUInt32BE(header.length + data.length, 4);
  header[4] = 0x40 | (vendor ? 0x80 : 0);  // mandatory, vendor-specific
  if (vendor) header.writeUInt32BE(vendor, 8);
  return Buffer.concat([header, data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
}

/** The AVPs of a message or of a Grouped AVP. */
export class Avps {
  #list = [];

  /** @param {Buffer} bytes @throws when a length runs over the end */
  constructor(bytes) {
    for (let at = 0; at < bytes.length; ) {
      const code = bytes.readUInt32BE(at);
      const length = bytes.readUIntBE(at + 5, 3);
      const isVendors = (bytes[at + 4] & 0x80) !== 0;
      const start = at + (isVendors ? 12 : 8);
      if (at + length > bytes.length || start > at + length) throw new Error(`Diameter AVP ${code} runs over the message`);
      const vendor = isVendors ? bytes.readUInt32BE(at + 8) : 0;
      this.#list.push([NAMES.get(`${vendor}:${code}`), bytes.subarray(start, at + length)]);
      at += length + ((4 - (length % 4)) % 4);
    }
  }

  /** @returns {Buffer | undefined} */
  bytes(name) {
    return this.#list.find(([known]) => known === name)?.[1];
  }
  text(name) {
    return this.bytes(name)?.toString();
  }
  number(name) {
    return this.bytes(name)?.readUInt32BE();
  }
  group(name) {
    const bytes = this.bytes(name);
    return bytes && new Avps(bytes);
  }
}

/** @param {{command: number, application: number, isRequest: boolean, hopByHop: number, endToEnd: number,
 *   avps: Array<[string, any]>}} message */
export function encodeMessage({ command, application, isRequest, hopByHop, endToEnd, avps }) {
  const body = Buffer.concat(avps.map(encodeAvp));
  const header = Buffer.alloc(20);
  header.writeUInt32BE(20 + body.length, 0);
  header[0] = 1;
  header.writeUInt32BE(command, 4);
  header[4] = (isRequest ? 0x80 : 0) | (application ? 0x40 : 0);  // request, proxiable
  header.writeUInt32BE(application, 8);
  header.writeUInt32BE(hopByHop, 12);
  header.writeUInt32BE(endToEnd, 16);
  return Buffer.concat([header, body]);
}

/** Cuts a TCP stream into messages: feed(bytes) gives those that are complete. */
export class MessageStream {
  #rest = Buffer.alloc(0);

  feed(bytes) {
    const messages = [];
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 20) {
      const length = this.#rest.readUIntBE(1, 3);
      if (this.#rest[0] !== 1 || length < 20) throw new Error('this is no Diameter');
      if (this.#rest.length < length) break;
      const message = this.#rest.subarray(0, length);
      this.#rest = this.#rest.subarray(length);
      messages.push({
        isRequest: (message[4] & 0x80) !== 0, command: message.readUIntBE(5, 3), application: message.readUInt32BE(8),
        hopByHop: message.readUInt32BE(12), endToEnd: message.readUInt32BE(16), avps: new Avps(message.subarray(20)),
      });
    }
    return messages;
  }
}
