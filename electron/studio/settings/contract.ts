/** What is set once for the studio on this machine; how the page looks is the page's own affair. */
import { z } from 'zod';

export const COMPUTE_DEVICES = ['auto', 'cpu'] as const;

export const settings = z.object({
  /** `auto`: a GPU where there is one that is of use. `cpu`: the processor alone. */
  device: z.enum(COMPUTE_DEVICES).default('auto'),
  /** What `{{user}}` stands for in role-plays. */
  userName: z.string().trim().min(1).max(80).default('User'),
  /** Nothing is fetched from other machines. */
  offline: z.boolean().default(false),
  /** Address of Hugging Face or of a mirror; empty: HF_ENDPOINT, else huggingface.co. */
  hub: z
    .union([z.literal(''), z.url({ protocol: /^https?$/ }).max(500)], {
      error: 'expected an address that begins with http:// or https://',
    })
    .default(''),
});
export type Settings = z.infer<typeof settings>;
export const changeSettingsInput = z.object({
  device: settings.shape.device.unwrap().optional(),
  userName: settings.shape.userName.unwrap().optional(),
  offline: settings.shape.offline.unwrap().optional(),
  hub: settings.shape.hub.unwrap().optional(),
});
