/** Files that were chosen or dropped, those within folders too. */

/** Of a chooser; a folder's files have their path from that folder on. */
export const chosenFiles = (list: FileList | null): { name: string; file: File }[] =>
  [...(list ?? [])].map(file => ({ name: file.webkitRelativePath || file.name, file }));

/** What was dropped; must be asked for before the drop's event has ended. */
export async function droppedFiles(dropped: DataTransfer): Promise<{ name: string; file: File }[]> {
  const items = [...dropped.items].map(item => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found: { name: string; file: File }[] = [];
  for (const { entry, file } of items)
    if (entry?.isDirectory) found.push(...(await within(entry as FileSystemDirectoryEntry, entry.name)));
    else if (file) found.push({ name: file.name, file });
  return found;
}

async function within(
  folder: FileSystemDirectoryEntry,
  path: string,
): Promise<{ name: string; file: File }[]> {
  const reader = folder.createReader();
  const found: { name: string; file: File }[] = [];
  // A reader gives some entries at a time, and none when it has given all.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return found;
    for (const entry of entries) {
      const name = `${path}/${entry.name}`;
      if (entry.isDirectory) found.push(...(await within(entry as FileSystemDirectoryEntry, name)));
      else
        found.push({
          name,
          file: await new Promise<File>((resolve, reject) =>
            (entry as FileSystemFileEntry).file(resolve, reject),
          ),
        });
    }
  }
}
