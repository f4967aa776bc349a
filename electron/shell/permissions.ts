/** What the page may ask of the system: to put text on the clipboard, and to tell that something has ended. Camera, places, devices and the rest are denied. */
import { session } from 'electron';
import { isStudioUrl } from './scheme.ts';

const ALLOWED = ['clipboard-sanitized-write', 'notifications'];

export function setupPermissions(): void {
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, permission, callback, details) => {
    callback(ALLOWED.includes(permission) && isStudioUrl(details.requestingUrl));
  });
  defaultSession.setPermissionCheckHandler(
    (_contents, permission, origin) => ALLOWED.includes(permission) && isStudioUrl(origin),
  );
  defaultSession.setDevicePermissionHandler(() => false);
}
