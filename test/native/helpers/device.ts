/** A device to merge on: a GPU, or Vulkan's software device where its driver (llvmpipe) is installed. */
import { execFileSync } from 'node:child_process';
import { type Device, devices } from '../../../native-merge/index.js';

const mixes = ({ type }: Device) => type === 'gpu' || type === 'igpu';

/** ggml passes over software devices unless one is named, and that must happen before it is loaded: so ask elsewhere first. */
function hasGpu(): boolean {
  const addon = new URL('../../../native-merge/index.js', import.meta.url).href;
  const script = `const { devices } = await import(${JSON.stringify(addon)}); console.log(JSON.stringify(devices()))`;
  const found = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  return (JSON.parse(found) as Device[]).some(mixes);
}

if (process.env.GGML_VK_VISIBLE_DEVICES === undefined && !hasGpu()) process.env.GGML_VK_VISIBLE_DEVICES = '0';

export const device = devices().find(mixes);
if (!device)
  console.warn(
    'Skipped: merging on a device. This machine has no GPU, and no software device for Vulkan (Debian: apt-get install mesa-vulkan-drivers libvulkan1).',
  );
