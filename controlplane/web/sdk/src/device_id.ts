/** One id for this browser, kept across visits, as CAMARA's deviceId asks. @internal */
export function storedDeviceId(): string {
  const key = 'byon.deviceId';
  let id = globalThis.localStorage?.getItem(key);
  if (!id) {
    id = globalThis.crypto.randomUUID();
    globalThis.localStorage?.setItem(key, id);
  }
  return id;
}
