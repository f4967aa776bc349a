/** Pictures as models on servers take them. */
import { Refusal } from './errors.ts';
import { t } from './strings.ts';

export const isPicture = (file: File): boolean => file.type.startsWith('image/');

/** The picture in PNG or JPEG: llama-server reads no other without ffmpeg. Throws where it cannot be read. */
export async function sendable(file: File): Promise<File> {
  if (['image/png', 'image/jpeg'].includes(file.type)) return file;
  const picture = await createImageBitmap(file).catch(() => {
    throw new Refusal(t.pictures.unreadable(file.name));
  });
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  picture.close();
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new File([blob], `${file.name.replace(/\.[^.]+$/, '')}.png`, { type: 'image/png' });
}
