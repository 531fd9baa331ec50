// From the checkout form to KakaoPay's page, and what became of the payment.

import { CALLBACK, ask, get, once, pause } from "./api.js";
import { doing, el, find, rows, say, won } from "./page.js";

const ASK_AGAIN = 3; // seconds
const RETURN_URL = location.origin + location.pathname;
const BACK = {
  return_url: RETURN_URL,
  callback: CALLBACK,
  client: /Mobi/.test(navigator.userAgent) ? "mobile_web" : "web",
};
const REASONS = {
  QUIT: "결제를 그만두셨습니다.",
  FAILED: "결제하지 못했습니다.",
  DECLINED: "결제가 거절되었습니다.",
  EXPIRED: "결제 시간이 지났습니다.",
};
const PRICES = ["price", "began", "ended", "tried"]; // of goods, and why
const SUMS = { discount: "할인", points: "포인트", shipping: "배송비" };
const METHODS = { CARD: "카드", MONEY: "카카오페이머니" };

/** Fields such as "contact/phone" become {contact: {phone}}, as the API has them. */
function typedIn(form) {
  const typed = { consent: form.elements.consent.checked };
  for (const [name, value] of new FormData(form)) {
    const [part, field] = name.split("/");
    if (field) (typed[part] ??= {})[field] = value;
  }
  return typed;
}

/** Order what the buyer has seen, and send them to KakaoPay; ``look`` shows the cart anew. */
export async function order(form, quote, look) {
  const wanted = { ...typedIn(form), ...BACK, expected_total: quote.quote.total, seen: quote.seen };
  try {
    goOn(await once("/api/v1/checkout/ready/", wanted));
  } catch (problem) {
    if (problem.code === "payment_in_progress") return follow(problem.said.order_number);
    if (problem.code !== "offer_changed") throw problem;
    await look();
    const list = problem.said.changes
      .filter(({ what }) => PRICES.includes(what) || what in SUMS) // the others are counts
      .map(({ what, name, was, now }) => `${name || SUMS[what]} ${won(was)} → ${won(now)}`);
    const total = `이제 ${won(problem.said.quote.total)}입니다. 확인하고 다시 눌러 주세요.`;
    say([problem.message, list.join(", "), total].join(" "), "bad");
  }
}

function goOn(started) {
  location.assign(started.redirect_url ?? `${RETURN_URL}?order_number=${started.order_number}`);
}

/** How the buyer came to this page: {order_number}, or {payment_id, result, pg_token}, or null. */
export function cameBack() {
  const said = Object.fromEntries(new URLSearchParams(location.search));
  if (said.payment_id) {
    // Kept until the shop has heard of it, and out of the address: a pg_token is nobody's business.
    sessionStorage.setItem("back", JSON.stringify(said));
    history.replaceState(null, "", RETURN_URL);
  }
  return JSON.parse(sessionStorage.getItem("back")) ?? (said.order_number ? said : null);
}

/** Tell the shop what KakaoPay sent the buyer back with, if it does not know, and show the order. */
export async function settle(back) {
  show("기다려 주세요", "결제 결과를 확인하고 있습니다.");
  try {
    const { order_number, wait } = back.payment_id ? await report(back) : back;
    await follow(order_number, wait);
  } catch (problem) {
    const isFinal = problem.status >= 400 && problem.status < 500 && problem.status !== 401;
    if (isFinal) {
      sessionStorage.removeItem("back"); // such as another account's payment: asking again is vain
      show("이 결제를 보여 드릴 수 없습니다", "");
      throw problem;
    }
    const again = el("button", { type: "button" }, "다시 확인하기");
    again.onclick = () => doing(again, () => settle(cameBack() ?? back));
    show("결과를 아직 모릅니다", "다시 결제하지 마세요. 같은 결제를 다시 확인합니다.", again);
    throw problem;
  }
}

async function report({ payment_id, result, pg_token }) {
  const known = ["approve", "cancel"].includes(result) ? result : "fail";
  const body = known === "approve" ? { pg_token } : undefined;
  const payment = await once(`/api/v1/payments/${payment_id}/${known}/`, body);
  sessionStorage.removeItem("back");
  history.replaceState(null, "", `?order_number=${payment.order_number}`); // to be read again
  return payment;
}

/** Show an order; while its payment is being confirmed, until that is known. */
async function follow(number, wait = 0) {
  for (;;) {
    const order = await get(`/api/v1/orders/${number}/`).catch((problem) => {
      if (wait && (problem.status === 0 || problem.status >= 500)) return null; // asked again
      throw problem;
    });
    if (order) showOrder(order);
    if (order && !order.is_confirming) return;
    await pause((wait ||= ASK_AGAIN));
  }
}

function showOrder(order) {
  const { amounts } = order;
  const charge = order.transactions.find((txn) => txn.kind === "CHARGE" && txn.status === "SUCCEEDED");
  const failure = order.transactions.map((txn) => txn.failure).find(Boolean);
  const card = charge && [METHODS[charge.method] ?? charge.method, charge.card_issuer].join(" ");
  const facts = el("dl", {}, ...rows([
    ["주문 번호", order.number],
    ...order.lines.map((line) => [`${line.name} × ${line.quantity}`, won(line.amount)]),
    ["할인", amounts.discount && `−${won(amounts.discount)}`],
    ["포인트", amounts.points && `−${won(amounts.points)}`],
    ["배송비", amounts.shipping && won(amounts.shipping)],
    [charge ? "결제 금액" : "금액", won(amounts.total)],
    ["부가세", charge && won(amounts.vat)],
    ["결제 수단", card],
    ["tid", charge?.tid],
    ["aid", charge?.aid],
  ]));
  const pay = el("button", { type: "button", className: "kakaopay" }, "카카오페이로 이어서 결제하기");
  pay.onclick = () => doing(pay, async () => goOn(await once(`/api/v1/orders/${order.number}/pay/`, BACK)));
  const [title, text] = order.is_confirming
    ? ["결제를 확인하고 있습니다", "다시 결제하지 않으셔도 됩니다. 확인되면 이 화면이 바뀝니다."]
    : ({
        PENDING: ["결제를 기다립니다", ""],
        PAID: ["결제했습니다", "고맙습니다."],
        CANCELED: ["주문이 취소되었습니다", `${REASONS[order.cancel_reason] ?? ""} ${failure ?? ""}`],
      }[order.status] ?? ["환불되었습니다", ""]);
  show(title, text, facts, order.can_pay ? pay : null);
  find("#order").dataset.status = order.is_confirming ? "CONFIRMING" : order.status;
}

function show(title, text, ...more) {
  const shop = el("a", { href: "./" }, "상품 보기");
  find("#order").replaceChildren(el("h1", {}, title), el("p", {}, text), ...more.filter(Boolean), shop);
  find("#order").hidden = false;
  document.body.classList.add("is-back"); // the window and the cart are put away
}
