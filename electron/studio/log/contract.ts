/** What can be asked of the log, and what a user notes on its runs. */
import { z } from 'zod';

export const runRemarks = z.object({
  tags: z.array(z.string().trim().min(1).max(60)).max(30),
  notes: z.string().max(20_000),
  starred: z.boolean(),
});
export type RunRemarks = z.infer<typeof runRemarks>;

/** What is left out stays as it is. */
export const editRunInput = runRemarks.partial().extend({ id: z.string() });

export const runIds = z.object({ ids: z.array(z.string()).min(1).max(10_000) });
