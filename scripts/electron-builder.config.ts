/** How the desktop application is packaged for Linux, macOS and Windows: `npm run package`. */
import type { Configuration } from 'electron-builder';

const config: Configuration = {
  appId: 'org.temperament.studio',
  productName: 'Temperament',
  directories: { output: 'release', buildResources: 'resources/icons' },
  icon: 'resources/icons/icon.png',

  files: [
    'package.json',
    'dist/electron',
    'dist/renderer',
    'native-merge/build/Release/*.node',
    // Sources of llama.cpp, for builds only; and the Node binaries that the other two hosts start with.
    '!node_modules/node-llama-cpp/llama/gitRelease.bundle',
    '!node_modules/node-linux-*',
    '!node_modules/node-win-*',
    '!node_modules/node-darwin-*',
    '!node_modules/node-bin-*',
  ],
  asar: true,
  // What the system loads or maps itself has to be a real file. (The demo family's .gguf files are extra resources.)
  asarUnpack: [
    '**/*.node',
    '**/*.gguf',
    'native-merge/build/**',
    'node_modules/node-llama-cpp/**',
    'node_modules/@node-llama-cpp/**',
    'node_modules/better-sqlite3/**',
  ],
  extraResources: [{ from: 'resources', to: 'resources', filter: ['**/*', '!icons/**'] }],
  // A persona that was shared opens by a double click.
  fileAssociations: [
    {
      ext: 'persona',
      name: 'Temperament persona',
      description: 'A persona of Temperament',
      mimeType: 'application/vnd.temperament.persona+zip',
      role: 'Editor',
    },
  ],
  // Native code is Node-API, built or shipped ready: nothing is compiled against Electron.
  npmRebuild: false,
  buildDependenciesFromSource: false,

  electronFuses: {
    runAsNode: false,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableCookieEncryption: true,
    onlyLoadAppFromAsar: true,
    // Takes effect on macOS and Windows; Linux has no such check yet.
    enableEmbeddedAsarIntegrityValidation: true,
    grantFileProtocolExtraPrivileges: false,
    // Changing fuses breaks the signature that Electron's own binary carries on Apple's processors.
    resetAdHocDarwinSignature: true,
  },

  linux: {
    target: ['AppImage', 'deb'],
    category: 'Science',
    synopsis: 'Tunes the personality of language models',
    maintainer: 'The Temperament authors',
  },
  mac: {
    target: ['dmg'],
    category: 'public.app-category.education',
    hardenedRuntime: true,
  },
  win: { target: ['nsis'] },
  nsis: { oneClick: false, allowToChangeInstallationDirectory: true },
};

export default config;
