// Milenage (TS 35.206 section 4.1): the authentication functions of a SIM card, as the home network has them.
import { createCipheriv, createHash } from 'node:crypto';

const xor = (a, b) => Buffer.from(a.map((byte, index) => byte ^ b[index]));
const rotate = (block, bytes) => Buffer.concat([block.subarray(bytes), block.subarray(0, bytes)]);
const constant = (low) => Buffer.concat([Buffer.alloc(15), Buffer.from([low])]);

function encrypt(key, block) {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
}

/**
 * @param {{k: Buffer, opc: Buffer}} keys 16 bytes each
 * @param {Buffer} rand 16 bytes
 */
export function milenage({ k, opc }, rand) {
  const temp = encrypt(k, xor(rand, opc));
  const out = (rotation, low) => xor(encrypt(k, xor(rotate(xor(temp, opc), rotation), constant(low))), opc);
  const out1 = (sqn, amf) => {
    const in1 = Buffer.concat([sqn, amf, sqn, amf]);
    return xor(encrypt(k, xor(temp, rotate(xor(in1, opc), 8))), opc);
  };
  const out2 = out(0, 1);
  return {
    macA: (sqn, amf) => out1(sqn, amf).subarray(0, 8),      // f1
    macS: (sqn, amf) => out1(sqn, amf).subarray(8),         // f1*
    res: out2.subarray(8),                                  // f2
    ck: out(4, 2),                                          // f3
    ik: out(8, 4),                                          // f4
    ak: out2.subarray(0, 6),                                // f5
    akStar: out(12, 8).subarray(0, 6),                      // f5*
  };
}

/** OPc of an operator's OP and a card's K (section 4.1). */
export const opcOf = (op, k) => xor(encrypt(k, op), op);

/** The keys that the laboratory gives to the card of a number. */
export function laboratoryKeys(number) {
  const digest = createHash('sha256').update(`card of ${number}`).digest();
  return { k: digest.subarray(0, 16), opc: digest.subarray(16) };
}

/** An authentication vector: what the network keeps of it and what the card gets (TS 33.102 section 6.3.2). */
export function authenticationVector(keys, { rand, sqn, amf = Buffer.from([0x80, 0]) }) {
  const f = milenage(keys, rand);
  return { res: f.res, ck: f.ck, ik: f.ik, autn: Buffer.concat([xor(sqn, f.ak), amf, f.macA(sqn, amf)]) };
}

/** The SQN that a card tells in AUTS; undefined when the card's signature is wrong (TS 33.102 section 6.3.5). */
export function sequenceNumberOf(keys, rand, auts) {
  const f = milenage(keys, rand);
  const sqn = xor(auts.subarray(0, 6), f.akStar);
  return f.macS(sqn, Buffer.alloc(2)).equals(auts.subarray(6, 14)) ? sqn : undefined;
}
