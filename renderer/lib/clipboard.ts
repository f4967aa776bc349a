/** Copies text, also where the page is not on a secure origin; says whether it worked. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  }
}

/** Copies HTML, and plain text for programs that take no more; where only text can be copied, that. */
export async function copyRich(html: string, plain: string): Promise<boolean> {
  try {
    const blob = (text: string, type: string) => new Blob([text], { type });
    const item = new ClipboardItem({
      'text/html': blob(html, 'text/html'),
      'text/plain': blob(plain, 'text/plain'),
    });
    await navigator.clipboard.write([item]);
    return true;
  } catch {
    return copyText(plain);
  }
}

/** Copies a picture (PNG); false where the browser lets no picture be copied. */
export async function copyImage(picture: Promise<Blob>): Promise<boolean> {
  try {
    // Handed over before it is made: the click is past by then.
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
    return true;
  } catch {
    return false;
  }
}
