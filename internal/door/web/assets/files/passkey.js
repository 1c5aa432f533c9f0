// Passkeys: sign in, prove presence again, approve an act, add a key, use a
// one-time link. One element with data-passkey says what the page wants:
//   data-passkey="get" | "create"   data-options, data-finish: where to POST
//   data-link                       the page was opened by a one-time link whose secret is in the fragment
// Fields with data-field inside are sent along; so is what they held at the click.

import { go, post, Refused, say, words } from './talk.js';

const supported = () => globalThis.PublicKeyCredential !== undefined
  && typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function'
  && typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function';

/** The secret of a one-time link. It leaves the address bar and the history at once. */
function takeSecret() {
  const secret = location.hash.replace(/^#/, '');
  if (secret !== '') history.replaceState(null, '', location.pathname);
  return secret;
}

/** The language switch opens the page anew: the secret goes along, in the fragment that a redirect keeps. */
function keepSecret(secret) {
  const form = document.querySelector('form[action="/language"]');
  form?.addEventListener('submit', () => { form.action = `/language#${secret}`; });
}

function fields(root) {
  const out = {};
  for (const f of root.querySelectorAll('[data-field]')) out[f.dataset.field] = f.value;
  return out;
}

async function ceremony(root, secret) {
  const sent = { ...fields(root), ...(secret === '' ? {} : { link: secret }) };
  const options = await post(root.dataset.options, sent);
  say(root, 'busy', words(root, 'waiting'));
  const credential = root.dataset.passkey === 'create'
    ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) })
    : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });
  if (credential === null) throw new DOMException('none', 'NotAllowedError');
  say(root, 'busy', words(root, 'checking'));
  return post(root.dataset.finish, { ...sent, state: options.state, credential: credential.toJSON() });
}

/** Which of the page's sentences fits an error. */
function reason(error) {
  if (error?.name === 'NotAllowedError' || error?.name === 'AbortError') return 'cancelled';
  if (error?.name === 'InvalidStateError') return 'already';
  if (error?.name === 'SecurityError') return 'address';
  if (error instanceof TypeError) return 'offline';
  return 'failed';
}

function start(root) {
  const button = root.querySelector('[data-go]');
  const secret = root.dataset.link === undefined ? '' : takeSecret();
  if (secret !== '') keepSecret(secret);
  if (!supported()) return say(root, 'bad', words(root, 'unsupported'));
  if (root.dataset.link !== undefined && secret === '') return say(root, 'bad', words(root, 'no-link'));
  button.disabled = false;
  button.addEventListener('click', async () => {
    button.disabled = true;
    say(root, 'busy', words(root, 'starting'));
    try {
      const answer = await ceremony(root, secret);
      say(root, 'good', words(root, 'done'));
      go(answer.go);
    } catch (error) {
      const refused = error instanceof Refused;
      say(root, 'bad', (refused && error.text) || words(root, reason(error)), refused ? error.request : '');
      button.disabled = false;
      button.focus();
    }
  });
}

for (const root of document.querySelectorAll('[data-passkey]')) start(root);
