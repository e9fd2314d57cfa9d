// Chromium at a real Weft: with a virtual authenticator (WebAuthn Level 3 §11) people make passkeys and sign in with them,
// and with scripts switched off they sign in by password.
//
// sign_in.mjs ISSUER PIN ENROLMENT AUTHORIZE STEP_UP: PIN is the digest of Weft's public key, the one certificate that this
// browser takes beside the usual ones. Environment: PASSWORD. Prints a line for each step that held, and one of counts; stops
// at the first that did not, and says why.
import { createRequire } from 'node:module'

const require = createRequire(`${process.env.WEFT_PEERS_NODE}/`)
const { chromium } = require('playwright-core')
const [issuer, pin, enrolment, authorize, step_up] = process.argv.slice(2)
const password = process.env.PASSWORD

const browser = await chromium.launch({
  executablePath: process.env.WEFT_PEERS_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-dev-shm-usage',
    `--ignore-certificate-errors-spki-list=${pin}`,
    // The application's name means nothing here. Whatever answers in its place, the browser arrives there.
    `--host-resolver-rules=MAP rp.example.org 127.0.0.1:${new URL(issuer).port}`,
  ],
})

// The step that is being taken, for the message.
let now = ''
let count = 0
const must = (holds, why) => {
  if (!holds) throw new Error(why)
}

// A person's browser, whose authenticator asks for a finger and gets it.
async function person({ scripts = true } = {}) {
  const context = await browser.newContext({ locale: 'en', javaScriptEnabled: scripts })
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  const authenticator = scripts ? await virtual_authenticator(context, page) : null
  return { context, page, authenticator }
}

async function virtual_authenticator(context, page) {
  const debug = await context.newCDPSession(page)
  await debug.send('WebAuthn.enable', { enableUI: false })
  const { authenticatorId } = await debug.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const credentials = async () => (await debug.send('WebAuthn.getCredentials', { authenticatorId })).credentials
  const touch = (enabled) => debug.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
  const finger = (isUserVerified) => debug.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  return { credentials, touch, finger }
}

const at = (page, path) => page.waitForURL((url) => url.pathname === path)
const button = async (page, name) => {
  await page.locator(name).click()
}

async function by_password(page, name) {
  await page.fill('#identifier', name)
  await button(page, '#continue')
  await page.fill('#password', password)
  await button(page, '#continue')
}

async function name_it(who, name) {
  const { page } = who
  const send = async () => {
    await page.goto(`${issuer}/account/passkeys`)
    const form = page.locator('form[action="/account/passkeys/rename"]').first()
    await form.locator('input[name="name"]').fill(name)
    await form.locator('button').click()
    await page.locator('#done, #use-passkey').first().waitFor()
  }
  await send()
  // Whoever came by password has a passkey now, and shows it before what one signs in with changes.
  if (await page.locator('#use-passkey').isVisible()) {
    await use_passkey(who)
    await at(page, '/account/passkeys')
    await send()
  }
  await page.locator('#done').waitFor()
  const named = await page.locator('li[id^="passkey-"] p.name').first().innerText()
  must(named.startsWith(name), `it is called ${named}`)
}

// Where a page asks by itself (conditional UI), an authenticator that is present answers at once, and one that comes later may
// not be asked again. So it is away while somebody signs out, and there before the page is opened that shall ask it.
async function sign_out({ page, authenticator }) {
  await authenticator.touch(false)
  await page.goto(`${issuer}/account`)
  await button(page, '#sign-out')
  await page.goto(`${issuer}/account`)
  must(new URL(page.url()).pathname.startsWith('/sign-in/'), `still in at ${page.url()}`)
  await page.goto('about:blank')
}

async function use_passkey({ page, authenticator }) {
  await authenticator.touch(true)
  await button(page, '#use-passkey')
}

const steps = {
  // An administrator's first passkey, by the link that the command line printed.
  async 'an enrolment link adds a passkey'(all) {
    all.admin = await person()
    const { page, authenticator } = all.admin
    await page.goto(enrolment)
    await button(page, '#continue')
    await button(page, '#add-passkey')
    await at(page, '/account')
    const made = await authenticator.credentials()
    must(made.length === 1 && made[0].isResidentCredential, `${made.length} credentials`)
    must(made[0].rpId === 'localhost', made[0].rpId)
  },
  async 'the link works once'(all) {
    const answer = await all.admin.page.goto(enrolment)
    must(answer.status() === 410, `${answer.status()}`)
  },
  async 'a passkey is named on the account page'(all) {
    await name_it(all.admin, 'Laptop of the office')
  },
  // Conditional UI: the field of the name asks by itself.
  async 'after signing out one signs in with it, without a name'(all) {
    const { page, authenticator } = all.admin
    await sign_out(all.admin)
    await authenticator.touch(true)
    // The page leads on by itself, perhaps before it is all there.
    await page.goto(`${issuer}/account`, { waitUntil: 'commit' })
    await at(page, '/account')
  },
  async 'somebody signs in by password and adds a passkey on the account page'(all) {
    all.ann = await person()
    const { page, authenticator } = all.ann
    await page.goto(`${issuer}/account`)
    await by_password(page, 'ann')
    await button(page, '#later')
    await at(page, '/account')
    await page.goto(`${issuer}/account/passkeys`)
    await button(page, '#add-passkey')
    await page.waitForURL((url) => url.search.includes('add'))
    await page.fill('#name', 'Phone')
    await button(page, '#add-passkey')
    await page.locator('#done').waitFor()
    must((await authenticator.credentials()).length === 1, 'no credential')
    await name_it(all.ann, 'Old phone')
  },
  async 'the same authenticator is not registered twice'(all) {
    const { page, authenticator } = all.ann
    await page.goto(`${issuer}/account/passkeys`)
    await button(page, '#add-passkey')
    await page.waitForURL((url) => url.search.includes('add'))
    await button(page, '#add-passkey')
    await page.locator('[data-passkey-said]').waitFor({ state: 'visible' })
    must((await authenticator.credentials()).length === 1, 'two credentials')
  },
  async 'whoever came by password shows the passkey where more is asked for'(all) {
    const { page } = all.ann
    await sign_out(all.ann)
    await page.goto(authorize)
    await by_password(page, 'ann')
    await came_back(page)
    await page.goto(step_up)
    await use_passkey(all.ann)
    await came_back(page)
  },
  async 'a finger that is not known opens nothing'(all) {
    const { page, authenticator } = all.ann
    await sign_out(all.ann)
    await authenticator.finger(false)
    await page.goto(step_up)
    await use_passkey(all.ann)
    await page.locator('[data-passkey-said]').waitFor({ state: 'visible' })
    await authenticator.finger(true)
  },
  async 'on their device somebody shows it, and the session is on it'(all) {
    all.dora = await person()
    await on_device(all.dora)
  },
  async 'without scripts too'(all) {
    all.dora_plain = await person({ scripts: false })
    await on_device(all.dora_plain)
  },
  async 'without scripts one signs in to an application by password'(all) {
    all.plain = await person({ scripts: false })
    const { page } = all.plain
    await page.goto(authorize)
    await by_password(page, 'bob')
    await button(page, '#later')
    await came_back(page)
    await page.goto(`${issuer}/account`)
    must(new URL(page.url()).pathname === '/account', page.url())
  },
  async 'without scripts one is told what passkeys need'(all) {
    const { page } = all.plain
    await page.goto(`${issuer}/account/passkeys`)
    await button(page, '#add-passkey')
    await page.locator('noscript p.note').waitFor()
    must(await page.locator('form[data-passkey]').isHidden(), 'a form that does nothing')
  },
}

// Through the port of the machine and back, in this one browser.
async function on_device({ page }) {
  await page.goto(`${issuer}/account`)
  await by_password(page, 'dora')
  await button(page, '#show-device')
  await button(page, '#later')
  await at(page, '/account')
  await page.goto(`${issuer}/account/sessions`)
  const here = await page.locator('li[id^="session-"]').first().innerText()
  must(here.includes('dora-laptop'), here)
}

async function came_back(page) {
  await page.waitForURL((url) => url.host === 'rp.example.org')
  const query = new URL(page.url()).searchParams
  must(query.get('code') && query.get('iss') === issuer, page.url())
}

const all = {}
try {
  for (const [step, take] of Object.entries(steps)) {
    now = step
    await take(all)
    count += 1
    console.log(step)
  }
} catch (error) {
  console.log(`${now}: ${error.message}`)
  for (const { page } of Object.values(all)) {
    console.log(page.url(), (await page.locator('main').innerText().catch(() => '')).slice(0, 600))
  }
}
await browser.close()
console.log(JSON.stringify({ steps: Object.keys(steps).length, held: count }))
