/**
 * What an app's web view needs to know while its buyer pays: where an address is to be opened, what
 * a deep link says, and how the payment stands.
 *
 * Plain functions without dependencies; not even `URL`, of which React Native has only a part. What
 * is not understood to the letter is not opened.
 */

/** Of the addresses that KakaoPay's page leads to, these are other apps'. */
export const APPS = ["kakaotalk", "market", "itms-apps", "itms-appss"];

/** Apps of card companies: see README.md, whether KakaoPay needs them is not documented. */
export const CARD_APPS = [
  "ispmobile",
  "kb-acp",
  "shinhan-sr-ansimclick",
  "mpocket.online.ansimclick",
  "hdcardappcardansimclick",
  "lotteappcard",
  "nhallonepayansimclick",
  "cloudpay",
  "com.wooricard.wcard",
  "citimobileapp",
];

/** KakaoPay's pages are here and in what is below; by TLS only. */
export const KAKAOPAY = "kakaopay.com";

/** With these of `afterResume` it is over: what was saved of the payment can be forgotten. */
export const OVER = ["receipt", "failed", "quit", "unknown"];

const ORDER_STATUSES = ["PENDING", "PAID", "PARTIALLY_REFUNDED", "REFUNDED", "CANCELED"];
const ASK_AGAIN = 2; // seconds, where the shop does not say
const LONGEST_PAUSE = 60; // seconds
const FINE = /^[!-~]{1,4000}$/; // ASCII, nothing invisible: so do web views write addresses
const WEB = /^(https?):\/\/([a-z0-9.-]+)(:[0-9]{1,5})?(?=[/?#]|$)/i; // no user, no backslash

/**
 * Where an address is to be opened: "inside" the web view; "outside" of it, by the system, at one
 * of `outsideAddresses`; "back" in the app, since it is the app's own deep link; or "nowhere".
 *
 * `shop` is the shop's address, `provider` the `redirect_url` that it gave for this payment, and
 * `scheme` the app's own.
 */
export function whereTo(url, { shop, provider = "", scheme = "" }) {
  if (url === "about:blank" || url === "about:srcdoc") return "inside";
  if (!FINE.test(url)) return "nowhere";
  const its = schemeOf(url);
  if (scheme && its === scheme && url.startsWith(`${scheme}://`)) return "back";
  if (its === "http" || its === "https") {
    const origin = originOf(url);
    if (!origin) return "nowhere";
    const isOurs = origin === originOf(shop) || origin === originOf(provider);
    return isOurs || isKakaoPay(origin) ? "inside" : "outside";
  }
  return outsideAddresses(url).length ? "outside" : "nowhere";
}

/**
 * What to ask the system to open, until one succeeds: none where it may not be opened.
 *
 * An `intent:` is taken apart, and is never handed on as it is: it could name any part of any app,
 * and neither React Native's nor Flutter's way of opening an address understands it.
 */
export function outsideAddresses(url) {
  if (!FINE.test(url)) return [];
  const its = schemeOf(url);
  if (its === "http" || its === "https") return originOf(url) ? [url] : [];
  if (its !== "intent") return isAnApp(its) ? [url] : [];
  const found = /^intent:(.*)#Intent;(.*;)?end;?$/.exec(url);
  if (!found) return [];
  const named = valuesOf(found[2] || "");
  const app = named.scheme ? `${named.scheme}:${found[1]}` : found[1];
  if (!isAnApp(schemeOf(app))) return [];
  const page = decoded(named["S.browser_fallback_url"]);
  const store = /^[A-Za-z]\w*(\.\w+)+$/.test(named.package || "");
  return [
    app,
    ...(FINE.test(page) && /^https:/.test(originOf(page)) ? [page] : []),
    ...(store ? [`market://details?id=${named.package}`] : []),
  ];
}

/**
 * What the shop added to the app's `return_url`: `{ orderNumber, status }`, or null where this is
 * no such link. Any app can open it, so it proves nothing: ask `afterResume`.
 */
export function fromDeepLink(url, scheme) {
  if (!FINE.test(url) || !url.startsWith(`${scheme}://`) || url.includes("#")) return null;
  const found = { order_number: [], status: [] };
  for (const pair of url.slice(url.indexOf("?") + 1).split("&")) {
    const [name, value] = pair.split("=");
    if (name === "order_number" || name === "status") found[name].push(value);
  }
  const [[orderNumber], [status]] = [found.order_number, found.status];
  const isOnce = found.order_number.length === 1 && found.status.length === 1;
  const isNumber = /^[0-9]{8}-[0-9A-Z]{8}$/.test(orderNumber);
  return isOnce && isNumber && ORDER_STATUSES.includes(status) ? { orderNumber, status } : null;
}

/**
 * Ask the shop how the payment stands, and what to show: to be called when the payment screen
 * opens, when the app comes to the front, and when its deep link is opened.
 *
 *     { show: "pay", url }            it waits for its buyer, at KakaoPay's page `url`
 *     { show: "receipt", payment }    paid
 *     { show: "failed", sentence }    not paid, and why; "" if there is nothing to say
 *     { show: "quit" }                not paid: broken off, or too late
 *     { show: "confirming" }          not known yet. Paying again is not needed; ask again later
 *     { show: "sign_in" }             the session has ended; the payment has not
 *     { show: "unknown" }             no payment of this shopper's
 *     { show: "offline" }             the shop cannot be reached; ask again later
 *
 * While the outcome is not known it is asked for again after `Retry-After`, for up to `patience`
 * seconds. `fetch` and `pause` (which waits for seconds) are the caller's.
 */
export async function afterResume(fetch, { shop, token, paymentId, pause = sleep, patience = 60 }) {
  const address = `${shop}/api/v1/payments/${encodeURIComponent(paymentId)}/`;
  const asked = {
    headers: { Accept: "application/json", "X-Session-Token": token },
    cache: "no-store",
    credentials: "omit", // the token says who asks
  };
  for (let waited = 0; ; ) {
    const { show, wait, ...more } = await ask(fetch, address, asked);
    if (!wait || waited >= patience) return { show, ...more };
    await pause(wait);
    waited += wait;
  }
}

async function ask(fetch, address, asked) {
  let answer, payment;
  try {
    answer = await fetch(address, asked);
    payment = answer.ok ? await answer.json() : null;
  } catch {
    return { show: "offline", wait: ASK_AGAIN };
  }
  const wait = retryAfter(answer);
  if (answer.status === 401) return { show: "sign_in" };
  if (answer.status === 429 || answer.status >= 500) return { show: "offline", wait };
  switch (payment?.status) {
    case "CREATED":
    case "READY":
      return { show: "pay", url: payment.redirect_urls.app };
    case "PROCESSING":
      return { show: "confirming", wait };
    case "SUCCEEDED":
      return { show: "receipt", payment };
    case "FAILED":
      return { show: "failed", sentence: payment.failure };
    case "CANCELED":
      return { show: "quit" };
    default:
      return { show: "unknown" };
  }
}

function retryAfter(answer) {
  const seconds = answer.headers.get("Retry-After") || "";
  return /^[0-9]{1,6}$/.test(seconds)
    ? Math.min(Math.max(Number(seconds), 1), LONGEST_PAUSE)
    : ASK_AGAIN;
}

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

const schemeOf = (url) => (/^[a-z][a-z0-9+.-]*(?=:)/i.exec(url)?.[0] ?? "").toLowerCase();

const isAnApp = (scheme) => APPS.includes(scheme) || CARD_APPS.includes(scheme);

/** `https://host:port`, without a port that goes without saying; "" if it is no web address. */
function originOf(url) {
  const [, scheme, host, port = ""] = WEB.exec(url) ?? [];
  if (!scheme) return "";
  const usual = { http: ":80", https: ":443" }[scheme.toLowerCase()];
  return `${scheme}://${host}${port === usual ? "" : port}`.toLowerCase();
}

function isKakaoPay(origin) {
  const [, host = ""] = /^https:\/\/([^:]+)$/.exec(origin) ?? [];
  return host === KAKAOPAY || host.endsWith(`.${KAKAOPAY}`);
}

function valuesOf(parameters) {
  return Object.fromEntries(parameters.split(";").map((each) => each.split(/=(.*)/).slice(0, 2)));
}

function decoded(text = "") {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
