// The page: a shop window, a cart, and a form to check out with.

import * as api from "./api.js";
import { doing, el, find, rows, say, won } from "./page.js";
import * as paying from "./paying.js";

const checkout = find("#checkout");
let quote = null; // as the buyer sees it
const day = (time) => new Date(time).toLocaleDateString("ko-KR", { timeZone: "Asia/Seoul" });

async function showProducts() {
  const { results } = await api.get("/api/v1/products/");
  find("#products").replaceChildren(...results.map(card));
}

function card(product) {
  const isGone = product.stock_status === "sold_out";
  const add = el("button", { type: "button", disabled: isGone }, isGone ? "품절" : "담기");
  add.setAttribute("aria-label", `${product.name} ${add.textContent}`);
  add.onclick = () => {
    if (find("#cart").hidden) return askWho("담으려면 먼저 로그인해 주세요.");
    doing(add, async () => {
      await api.once("/api/v1/cart/items/", { product: product.slug });
      await showCart();
      say(`${product.name}, 장바구니에 담았습니다.`, "brief");
    });
  };
  const img = product.image && el("img", { src: product.image, alt: "", loading: "lazy" });
  const made = el("article", {}, img, el("h3", {}, product.name), el("p", {}, won(product.price)), add);
  made.id = product.slug;
  return made;
}

async function showCart() {
  const { items } = await api.get("/api/v1/cart/");
  quote = items.length ? await api.ask("POST", "/api/v1/checkout/quote/", {}) : null;
  find("#cart ul").replaceChildren(...items.map(line));
  find("#cart .empty").hidden = items.length > 0;
  find("#cart").hidden = false;
  find("#next").textContent = `장바구니 ${items.reduce((sum, item) => sum + item.quantity, 0)}`;
  find("#next").href = "#cart";
  checkout.hidden = !quote;
  if (!quote) return find("#cart dl").replaceChildren();
  const { quote: sum, membership, needs_address } = quote;
  find("#cart dl").replaceChildren(...rows([
    ["상품", won(sum.subtotal)],
    ["배송비", sum.shipping && won(sum.shipping)],
    ["다음 정기결제", membership?.charge && `${day(membership.charge_at)} ${won(membership.charge)}`],
    ["합계", won(sum.total)],
  ]));
  find("#address").hidden = find("#address").disabled = !needs_address;
  find("#consent").hidden = !membership?.consent;
  find("#consent span").textContent = membership?.consent ?? "";
  find(".kakaopay").textContent = `카카오페이로 ${won(sum.total)} 결제하기`;
}

function line(item) {
  const path = `/api/v1/cart/items/${item.id}/`;
  const change = (text, label, method, body) => {
    const button = el("button", { type: "button", className: "quiet", ariaLabel: label }, text);
    button.onclick = () => doing(button, async () => {
      await api.ask(method, path, body);
      await showCart();
    });
    return button;
  };
  const less = change("−", `${item.name} 하나 빼기`, "PATCH", { quantity: item.quantity - 1 });
  const more = change("+", `${item.name} 하나 더`, "PATCH", { quantity: item.quantity + 1 });
  const out = change("빼기", `${item.name} 빼기`, "DELETE");
  const few = item.available < item.quantity ? el("em", {}, `${item.available}개 남음`) : null;
  less.disabled = item.quantity === 1;
  return el("li", {}, el("span", {}, item.name, few ?? ""), el("b", {}, won(item.amount)),
    el("span", { className: "quantity" }, less, ` ${item.quantity} `, more, out));
}

/** What was typed before in this tab; else what the shop knows of the buyer. */
async function fillIn(me) {
  const typed = JSON.parse(sessionStorage.getItem("typed"));
  const [saved = {}] = typed ? [] : await api.get("/api/v1/me/addresses/");
  const known = typed ?? {
    "contact/name": me.name, "contact/phone": me.phone, "contact/email": me.email,
    "address/recipient": saved.recipient, "address/phone": saved.phone,
    "address/postcode": saved.postcode, "address/line1": saved.line1, "address/line2": saved.line2,
  };
  for (const [name, value] of Object.entries(known)) {
    if (value) checkout.elements[name].value = value;
  }
}

function askWho(why = "") {
  find("#signin").hidden = false;
  if (why) find("#signin [name=email]").focus();
  say(why);
}

async function comeIn(me) {
  find("#signin").hidden = true;
  find("#who").hidden = false;
  find("#who").dataset.by = api.isByToken() ? "token" : "cookie";
  find("#who span").textContent = `${me.email} · ${api.isByToken() ? "토큰" : "쿠키"}`;
  const back = paying.cameBack();
  if (back) return paying.settle(back);
  await fillIn(me);
  await showCart();
}

find("#signin").onsubmit = (event) => {
  event.preventDefault();
  const { email, password } = event.target.elements;
  doing(event.target, async () => {
    const me = await api.signIn(email.value, password.value);
    event.target.reset();
    await comeIn(me);
  });
};
checkout.oninput = () => {
  const fields = [...checkout.elements].filter(({ name, type }) => name && type !== "checkbox");
  const typed = Object.fromEntries(fields.map(({ name, value }) => [name, value]));
  sessionStorage.setItem("typed", JSON.stringify(typed));
};
checkout.onsubmit = (event) => {
  event.preventDefault();
  doing(checkout, () => paying.order(checkout, quote, showCart));
};
find("#who button").onclick = ({ target }) =>
  doing(target, async () => {
    await api.signOut();
    location.assign("./");
  });
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

doing(find("#products"), async () => {
  const back = paying.cameBack(); // before anything else: the address is cleaned
  const [me] = await Promise.all([api.whoAmI(), showProducts()]);
  if (me) await comeIn(me);
  else askWho(back ? "결제 결과를 보려면 로그인해 주세요." : "");
});
