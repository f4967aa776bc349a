/** Small things remembered between visits, checked when they are read; a full or forbidden storage costs only memory. */
import type { z } from 'zod';

const PREFIX = 'temperament.';

export function recall<S extends z.ZodType>(key: string, schema: S): z.output<S> | null {
  try {
    const text = localStorage.getItem(PREFIX + key);
    if (text === null) return null;
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export function remember(key: string, value: unknown) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // Private windows may refuse; the session works without.
  }
}
