/** Starts the page: the client, the session's state, the root component. */
// Before the components, whose own styles then have the last word.
import './styles/tokens.css';
import './styles/base.css';
import { mount } from 'svelte';
import { config } from 'zod';
import App from './App.svelte';
import { connect } from './client.ts';
import { language } from './lib/language.ts';
import { Session } from './state/session.svelte.ts';

// The content-security policy forbids eval, which zod would otherwise try for speed.
config({ jitless: true });

document.documentElement.lang = language;

const target = document.getElementById('app');
if (target) {
  const session = new Session(connect());
  void session.start();
  mount(App, { target, props: { session } });
}
