// Talks to the shop: who asks, what is done only once, what has to wait, and what is refused.

const address = new URLSearchParams(location.search);

/** What the page's address says (?shop=…), remembered for this tab; else the usual. */
function setting(name, usual) {
  if (address.has(name)) sessionStorage.setItem(name, address.get(name));
  return sessionStorage.getItem(name) ?? usual;
}

export const SHOP = setting("shop", "http://localhost:8000");
export const CALLBACK = setting("callback", "shop"); // or "client"
const SIGN_IN = setting("signin", "auto"); // or "token"
const TOKEN = `token of ${SHOP}`; // a token is shown to nobody but the shop that gave it

/** A refusal: ``message`` for people, ``code`` for programs, ``errors`` at their fields. */
export class Problem extends Error {
  constructor(status, said = {}, wait = 0) {
    const errors = (said.errors ?? []).map((each) => ({
      at: each.pointer?.slice(2) ?? each.param, // signing in says "param" and "message"
      detail: each.detail ?? each.message,
    }));
    super(said.detail ?? errors[0]?.detail ?? `상점의 대답을 알 수 없습니다 (HTTP ${status}).`);
    Object.assign(this, { status, code: said.code, errors, wait, said });
  }
}

const NO_ANSWER = { code: "no_answer", detail: `상점(${SHOP})의 대답을 받지 못했습니다. 다시 시도해 주세요.` };
const MORE_STEPS = { detail: "이 계정은 확인이 더 필요합니다. 상점에서 로그인해 주세요." };

async function send(method, path, body, key) {
  const token = sessionStorage.getItem(TOKEN);
  const isByCookie = !token && !path.startsWith("/_allauth/app/");
  const headers = { Accept: "application/json", "Accept-Language": "ko" };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (token) headers["X-Session-Token"] = token;
  if (isByCookie && method !== "GET") {
    headers["X-CSRFToken"] = (await send("GET", "/api/v1/csrf/")).csrf_token;
  }
  const credentials = isByCookie ? "include" : "omit";
  let answer, text;
  try {
    answer = await fetch(SHOP + path, { method, headers, credentials, body: JSON.stringify(body) });
    text = await answer.text();
  } catch {
    throw new Problem(0, NO_ANSWER);
  }
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const said = isJson ? JSON.parse(text) : {};
  const wait = Number(answer.headers.get("Retry-After"));
  if (!answer.ok) throw new Problem(answer.status, said, wait);
  if (answer.status === 202) said.wait = wait;
  return said;
}

/** Ask, and wait where the shop says so. Returns its answer. Throws a Problem. */
export async function ask(method, path, body, key) {
  for (;;) {
    try {
      return await send(method, path, body, key);
    } catch (problem) {
      if (!problem.wait || ![409, 429].includes(problem.status)) throw problem;
      dispatchEvent(new CustomEvent("waiting", { detail: problem }));
      await pause(problem.wait);
    }
  }
}

export const get = (path) => ask("GET", path);
export const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/**
 * Post a thing that must not be done twice. Its Idempotency-Key stays the same, over reloads too,
 * until the shop has given the last word about it; another body is another thing.
 */
export async function once(path, body) {
  const place = `attempt at ${path}`;
  const written = JSON.stringify(body) ?? "";
  const before = JSON.parse(sessionStorage.getItem(place));
  const key = before?.written === written ? before.key : crypto.randomUUID();
  sessionStorage.setItem(place, JSON.stringify({ key, written }));
  try {
    const said = await ask("POST", path, body, key);
    sessionStorage.removeItem(place);
    return said;
  } catch (problem) {
    const isOpen = [0, 401, 403].includes(problem.status) || problem.status >= 500;
    if (!isOpen) sessionStorage.removeItem(place);
    throw problem;
  }
}

/** Who is signed in here, or null. */
export async function whoAmI() {
  try {
    return await get("/api/v1/me/");
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    sessionStorage.removeItem(TOKEN);
    return null;
  }
}

/**
 * Sign in by cookie; where the browser does not keep it for this page, by token. That it is not
 * kept shows in one of two ways: the CSRF cookie is missing already (403), or, signed in, the next
 * request is nobody's (401).
 */
export async function signIn(email, password) {
  sessionStorage.removeItem(TOKEN);
  if (SIGN_IN === "auto") {
    try {
      await ask("POST", "/_allauth/browser/v1/auth/login", { email, password });
      const me = await whoAmI();
      if (me) return me;
    } catch (problem) {
      if (![401, 403, 409].includes(problem.status)) throw problem;
    }
  }
  try {
    const said = await ask("POST", "/_allauth/app/v1/auth/login", { email, password });
    sessionStorage.setItem(TOKEN, said.meta.session_token);
  } catch (problem) {
    throw problem.status === 401 ? new Problem(401, MORE_STEPS) : problem;
  }
  return whoAmI();
}

export const isByToken = () => Boolean(sessionStorage.getItem(TOKEN));

export async function signOut() {
  const client = isByToken() ? "app" : "browser";
  await ask("DELETE", `/_allauth/${client}/v1/auth/session`).catch((problem) => {
    if (problem.status !== 401) throw problem; // which says: nobody is signed in any more
  });
  for (const name of Object.keys(sessionStorage)) {
    if (!["shop", "callback", "signin"].includes(name)) sessionStorage.removeItem(name);
  }
}
