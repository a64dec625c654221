// Bencode (BitTorrent BEP 3), in which the ng protocol speaks: whole numbers, texts (Latin-1, a byte a character), arrays, objects.

export function encode(value) {
  if (typeof value === 'number') return `i${Math.trunc(value)}e`;
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (Array.isArray(value)) return `l${value.map(encode).join('')}e`;
  return `d${Object.entries(value).map(([key, inner]) => encode(key) + encode(inner)).join('')}e`;
}

/** @param {string} text Latin-1 @throws {Error} when it is not one whole value */
export function decode(text) {
  let at = 0;
  const fail = () => { throw new Error(`no bencode at ${at}`); };
  const until = (end) => {
    const stop = text.indexOf(end, at);
    const digits = stop < 0 ? '' : text.slice(at, stop);
    if (!/^-?\d{1,15}$/.test(digits)) fail();
    at = stop + 1;
    return Number(digits);
  };
  const next = (depth) => {
    const kind = text[at];
    if (kind === undefined || depth > 32) fail();
    if (kind === 'i') return ++at, until('e');
    if (kind !== 'l' && kind !== 'd') {
      const length = until(':');
      if (length < 0 || at + length > text.length) fail();
      at += length;
      return text.slice(at - length, at);
    }
    ++at;
    const items = [];
    while (text[at] !== 'e') items.push(next(depth + 1));
    ++at;
    if (kind === 'l') return items;
    if (items.length % 2 !== 0) fail();
    return Object.fromEntries(Array.from({ length: items.length / 2 }, (_, index) => [items[2 * index], items[2 * index + 1]]));
  };
  const value = next(0);
  if (at !== text.length) fail();
  return value;
}
