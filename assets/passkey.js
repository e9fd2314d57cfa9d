// Passkeys: the one thing on these pages that needs a script. It reads what the page says, asks the browser, and sends an
// ordinary form with the answer in a hidden field.
//
// <form data-passkey="get|create" data-options="{…}" [data-conditional]> has <input name="credential"> and a button.
'use strict';
(() => {
  const forms = document.querySelectorAll('form[data-passkey]');
  if (!window.PublicKeyCredential || !forms.length) {
    document.documentElement.classList.add('no-passkeys');
    return;
  }

  let waiting = null; // the one call to the browser that may be open

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

  const options = (form) => {
    const asked = JSON.parse(form.dataset.options);
    const key = asked.publicKey || asked;
    key.challenge = bytes(key.challenge);
    if (key.user) key.user.id = bytes(key.user.id);
    for (const list of ['allowCredentials', 'excludeCredentials']) {
      for (const one of key[list] || []) one.id = bytes(one.id);
    }
    return key;
  };

  const answer = (credential) => {
    const response = {};
    for (const name of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
      extensions: credential.getClientExtensionResults(),
    });
  };

  const ask = async (form, mediation) => {
    if (waiting) waiting.abort();
    const mine = (waiting = new AbortController());
    const request = { publicKey: options(form), signal: mine.signal };
    if (mediation) request.mediation = mediation;
    const said = form.querySelector('[data-passkey-said]');
    if (said) said.hidden = true;
    try {
      const credential = await navigator.credentials[form.dataset.passkey](request);
      form.elements.credential.value = answer(credential);
      form.submit();
    } catch (error) {
      // Given up for another call, or by the person while the browser only offered: nothing to say.
      if (mine !== waiting || mediation) return;
      waiting = null;
      if (said) {
        said.hidden = false;
        said.focus();
      }
    }
  };

  for (const form of forms) {
    form.hidden = false;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      ask(form);
    });
  }

  const conditional = document.querySelector('form[data-passkey="get"][data-conditional]');
  if (conditional && PublicKeyCredential.isConditionalMediationAvailable) {
    PublicKeyCredential.isConditionalMediationAvailable().then((can) => can && ask(conditional, 'conditional'));
  }
})();
