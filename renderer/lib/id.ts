/** A random id; `crypto.randomUUID` exists on secure origins only, and a lab may serve the studio over plain HTTP. */
export const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, '0')).join('');

export const newSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 7;
