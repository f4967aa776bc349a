/** Whether a model of a size runs on this machine. */
import { totalmem } from 'node:os';
import type { Device, MemoryFit } from '../contract.ts';

/** Room for the context, buffers and the studio itself, in bytes. */
const BESIDE = 6e8;
const WELL = 0.7;
const TIGHTLY = 0.95;

/** Bytes of memory that a model file of that size asks for, about: its weights, a tenth for buffers, and the context. */
export const memoryNeed = (bytes: number): number => 1.1 * bytes + BESIDE;

/**
 * `well`: the need is at most 70 % of the memory, `tightly`: at most 95 %.
 *
 * @param bytes size of the model's files
 * @param memory of the machine, in bytes
 */
export function fitOf(bytes: number, memory: number): MemoryFit {
  const share = memoryNeed(bytes) / memory;
  return share <= WELL ? 'well' : share <= TIGHTLY ? 'tightly' : 'no';
}

/** The larger of the machine's memory (as far as this process may use it) and its largest GPU's, in bytes. */
export function machineMemory(devices: Pick<Device, 'memoryTotal'>[] = []): number {
  const allowed = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.max(Math.min(totalmem(), allowed), ...devices.map(({ memoryTotal }) => memoryTotal));
}
