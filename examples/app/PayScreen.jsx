import { useCallback, useEffect, useRef, useState } from "react";
import { ActivityIndicator, AppState, Linking } from "react-native";
import { WebView } from "react-native-webview";

import { afterResume, fromDeepLink, outsideAddresses, whereTo } from "./payment";

/**
 * The screen on which a buyer pays. `started` is what `POST checkout/ready/` answered: save it
 * before this is shown. `onEnd` gets what `afterResume` says, when nobody waits for the buyer any
 * more. Until that is one of `OVER`, show this again with what was saved: also after the app was
 * killed, since it asks first.
 *
 *     <PayScreen shop="https://shop.example.com" scheme="examplestore" … />
 */
export default function PayScreen({ shop, scheme, token, started, onEnd }) {
  const [page, setPage] = useState(""); // KakaoPay's, while it waits for its buyer
  const [life, setLife] = useState(0); // of the web view: the system may end it at any time
  const { payment_id: paymentId, order_number: orderNumber } = started;
  const now = useRef({ isShown: true, isAsking: false, again: false, onEnd });
  now.current.onEnd = onEnd;

  const ask = useCallback(async () => {
    const state = now.current;
    state.again = true; // what was asked a moment ago may be out of date
    if (state.isAsking) return;
    state.isAsking = true;
    let found;
    do {
      state.again = false;
      found = await afterResume(fetch, { shop, token, paymentId });
    } while (state.again && found.show === "pay");
    state.isAsking = false;
    if (!state.isShown) return;
    if (found.show === "pay") setPage(found.url);
    else state.onEnd(found);
  }, [shop, token, paymentId]);

  const open = useCallback(
    async (url) => {
      const link = fromDeepLink(url, scheme);
      if (link) return link.orderNumber === orderNumber ? ask() : undefined;
      for (const address of outsideAddresses(url)) {
        try {
          return await Linking.openURL(address);
        } catch {
          // no app for it: the next one
        }
      }
    },
    [scheme, orderNumber, ask],
  );

  useEffect(() => {
    const state = now.current;
    state.isShown = true;
    ask();
    const links = Linking.addEventListener("url", ({ url }) => open(url));
    const front = AppState.addEventListener("change", (is) => {
      if (is === "active") ask();
    });
    return () => {
      state.isShown = false;
      links.remove();
      front.remove();
    };
  }, [ask, open]);

  const mayLoad = ({ url, isTopFrame }) => {
    const where = whereTo(url, { shop, scheme, provider: page });
    if (where === "inside") return true;
    if (where === "nowhere") return false;
    if (isTopFrame === false && url.startsWith("https://")) return true; // a part of the page
    open(url);
    return false;
  };

  const reopen = () => {
    setLife((count) => count + 1);
    ask();
  };

  if (!page) return <ActivityIndicator />;
  return (
    <WebView
      key={life}
      source={{ uri: page }}
      originWhitelist={["*"]} // else other schemes go to the system without mayLoad being asked
      onShouldStartLoadWithRequest={mayLoad}
      onOpenWindow={({ nativeEvent }) => open(nativeEvent.targetUrl)}
      onContentProcessDidTerminate={reopen}
      onRenderProcessGone={reopen}
      domStorageEnabled
    />
  );
}
