// Opens every page of the gallery in Chromium: light and dark, English and Arabic, 320 and 1280 pixels wide. What axe finds
// serious, and what is wider than the window, is printed a line each; then one line of counts.
//
// examine.mjs ADDRESS [FOLDER]: with a folder, a picture of each page goes there, as the documentation shows it.
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const require = createRequire(`${process.env.WEFT_PEERS_NODE}/`)
const { chromium } = require('playwright-core')
const axe = require('axe-core').source
const [address, folder] = process.argv.slice(2)

const names = (await (await fetch(`${address}/gallery`)).text()).split('\n').filter(Boolean)
const browser = await chromium.launch({
  executablePath: process.env.WEFT_PEERS_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
})
const counts = { pages: names.length, looked: 0, serious: 0, scroll: 0, blocked: 0 }

const tell = (name, what) => console.log(`${name}: ${what}`)

async function examine(page, name, colours) {
  const answer = await page.goto(`${address}/gallery/${name}`, { waitUntil: 'load' })
  if (answer.status() !== 200) throw new Error(`${name}: ${answer.status()}`)
  counts.looked += 1
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  if (wide > 0) {
    counts.scroll += 1
    tell(name, `${colours}: ${wide} pixels too wide`)
  }
  // The page's policy lets nobody add a script to it, so axe comes in through the debugger.
  await page.evaluate(axe)
  const found = await page.evaluate(() =>
    window.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  )
  for (const one of found.violations) {
    const serious = one.impact === 'serious' || one.impact === 'critical'
    if (serious) counts.serious += 1
    const nodes = one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160))
    tell(name, `${colours}: ${one.impact} ${one.id}: ${one.help}: ${nodes.join(' | ')}`)
  }
}

for (const colours of ['light', 'dark']) {
  for (const locale of ['en', 'ar']) {
    for (const width of [320, 1280]) {
      const context = await browser.newContext({
        locale,
        colorScheme: colours,
        viewport: { width, height: width === 320 ? 640 : 800 },
        reducedMotion: 'reduce',
      })
      const page = await context.newPage()
      page.on('console', (message) => {
        if (message.type() === 'error' && message.text().includes('Content Security Policy')) {
          counts.blocked += 1
          tell(page.url(), message.text())
        }
      })
      for (const name of names) {
        await examine(page, name, `${colours} ${locale} ${width}`)
        if (folder) await picture(page, name, { colours, locale, width })
      }
      await context.close()
    }
  }
}

// Each page as most people see it, and a few in the other ways.
async function picture(page, name, { colours, locale, width }) {
  const plain = colours === 'light' && locale === 'en' && width === 1280
  const others = ['sign-in', 'consent', 'account', 'account-passkeys', 'admin-devices', 'admin-device']
  const other = others.includes(name) && !(colours === 'light' && locale === 'en')
  const small = others.includes(name) && colours === 'light' && locale === 'en' && width === 320
  if (!plain && !small && !(other && (colours === 'light' ? locale === 'ar' : locale === 'en'))) return
  const way = plain ? '' : `-${[colours === 'dark' && 'dark', locale === 'ar' && 'ar', width === 320 && 'small'].filter(Boolean).join('-')}`
  if (width === 1280) await page.setViewportSize({ width: 1024, height: 700 })
  await writeFile(`${folder}/${name}${way}.webp`, await small_file(await page.screenshot({ fullPage: true })))
  await page.setViewportSize({ width, height: width === 320 ? 640 : 800 })
}

// The same picture as WebP, a third of the size; the browser is the one program here that can make it.
async function small_file(picture) {
  const page = await browser.newPage()
  const text = await page.evaluate(async (png) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
    const canvas = new OffscreenCanvas(image.width, image.height)
    canvas.getContext('2d').drawImage(image, 0, 0)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: 0.8 })).arrayBuffer())
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  }, picture.toString('base64'))
  await page.close()
  return Buffer.from(text, 'base64')
}

await browser.close()
console.log(JSON.stringify(counts))
