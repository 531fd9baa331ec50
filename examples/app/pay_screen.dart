import 'dart:async';
import 'dart:convert';

import 'package:app_links/app_links.dart';
import 'package:flutter/material.dart';
import 'package:http/http.dart' as http;
import 'package:url_launcher/url_launcher.dart';
import 'package:webview_flutter/webview_flutter.dart';

/// Where an address is to be opened, by the rules of payment.js.
enum Where { inside, outside, back, nowhere }

const apps = ['kakaotalk', 'market', 'itms-apps', 'itms-appss'];
const cardApps = [
  'ispmobile',
  'kb-acp',
  'shinhan-sr-ansimclick',
  'mpocket.online.ansimclick',
  'hdcardappcardansimclick',
  'lotteappcard',
  'nhallonepayansimclick',
  'cloudpay',
  'com.wooricard.wcard',
  'citimobileapp',
];
const kakaoPay = 'kakaopay.com';
/// With these of [afterResume] it is over: what was saved of the payment can be forgotten.
const over = ['receipt', 'failed', 'quit', 'unknown'];
const orderStatuses = ['PENDING', 'PAID', 'PARTIALLY_REFUNDED', 'REFUNDED', 'CANCELED'];
const askAgain = 2; // seconds, where the shop does not say
const longestPause = 60; // seconds

final _fine = RegExp(r'^[!-~]{1,4000}$');
final _web = RegExp(r'^(https?)://([a-z0-9.-]+)(:[0-9]{1,5})?(?=[/?#]|$)', caseSensitive: false);
final _scheme = RegExp(r'^[a-z][a-z0-9+.-]*(?=:)', caseSensitive: false);
final _intent = RegExp(r'^intent:(.*)#Intent;(.*;)?end;?$');
final _package = RegExp(r'^[A-Za-z]\w*(\.\w+)+$');
final _number = RegExp(r'^[0-9]{8}-[0-9A-Z]{8}$');
final _seconds = RegExp(r'^[0-9]{1,6}$');

Where whereTo(String url, {required String shop, String provider = '', String scheme = ''}) {
  if (url == 'about:blank' || url == 'about:srcdoc') return Where.inside;
  if (!_fine.hasMatch(url)) return Where.nowhere;
  final its = _schemeOf(url);
  if (scheme.isNotEmpty && its == scheme && url.startsWith('$scheme://')) return Where.back;
  if (its == 'http' || its == 'https') {
    final origin = _originOf(url);
    if (origin.isEmpty) return Where.nowhere;
    final isOurs = origin == _originOf(shop) || origin == _originOf(provider);
    return isOurs || _isKakaoPay(origin) ? Where.inside : Where.outside;
  }
  return outsideAddresses(url).isEmpty ? Where.nowhere : Where.outside;
}

/// What to ask the system to open, until one succeeds. An `intent:` is taken apart.
List<String> outsideAddresses(String url) {
  if (!_fine.hasMatch(url)) return [];
  final its = _schemeOf(url);
  if (its == 'http' || its == 'https') return _originOf(url).isEmpty ? [] : [url];
  if (its != 'intent') return _isAnApp(its) ? [url] : [];
  final found = _intent.firstMatch(url);
  if (found == null) return [];
  final named = <String, String>{};
  for (final each in (found[2] ?? '').split(';')) {
    final at = each.indexOf('=');
    if (at > 0) named[each.substring(0, at)] = each.substring(at + 1);
  }
  final scheme = named['scheme'] ?? '';
  final app = scheme.isEmpty ? found[1]! : '$scheme:${found[1]}';
  if (!_isAnApp(_schemeOf(app))) return [];
  final page = _decoded(named['S.browser_fallback_url'] ?? '');
  final store = named['package'] ?? '';
  return [
    app,
    if (_fine.hasMatch(page) && _originOf(page).startsWith('https:')) page,
    if (_package.hasMatch(store)) 'market://details?id=$store',
  ];
}

/// The number of the order in the app's own deep link, or null. It proves nothing: ask the shop.
String? fromDeepLink(String url, String scheme) {
  if (!_fine.hasMatch(url) || !url.startsWith('$scheme://') || url.contains('#')) return null;
  final found = {'order_number': <String>[], 'status': <String>[]};
  for (final pair in url.substring(url.indexOf('?') + 1).split('&')) {
    final parts = pair.split('=');
    found[parts[0]]?.add(parts.length > 1 ? parts[1] : '');
  }
  final numbers = found['order_number']!;
  final statuses = found['status']!;
  if (numbers.length != 1 || statuses.length != 1) return null;
  final isSound = _number.hasMatch(numbers[0]) && orderStatuses.contains(statuses[0]);
  return isSound ? numbers[0] : null;
}

String _schemeOf(String url) => (_scheme.firstMatch(url)?[0] ?? '').toLowerCase();

bool _isAnApp(String scheme) => apps.contains(scheme) || cardApps.contains(scheme);

String _originOf(String url) {
  final found = _web.firstMatch(url);
  if (found == null) return '';
  final scheme = found[1]!.toLowerCase();
  final port = found[3] ?? '';
  final usual = scheme == 'https' ? ':443' : ':80';
  return '$scheme://${found[2]}${port == usual ? '' : port}'.toLowerCase();
}

bool _isKakaoPay(String origin) {
  final host = RegExp(r'^https://([^:]+)$').firstMatch(origin)?[1] ?? '';
  return host == kakaoPay || host.endsWith('.$kakaoPay');
}

String _decoded(String text) {
  try {
    return Uri.decodeComponent(text);
  } on ArgumentError {
    return '';
  } on FormatException {
    return '';
  }
}

/// What to show; as `afterResume` of payment.js says, with the same words.
class Standing {
  const Standing(this.show, {this.payment = const {}, this.wait = 0});

  final String show;
  final Map<String, dynamic> payment;
  final int wait; // seconds until it is worth asking again; 0 if this is the last word
}

/// How the payment stands, asked again after `Retry-After` for up to [patience] seconds.
Future<Standing> afterResume({
  required String shop,
  required String token,
  required String paymentId,
  int patience = 60,
}) async {
  final address = Uri.parse('$shop/api/v1/payments/${Uri.encodeComponent(paymentId)}/');
  for (var waited = 0; ;) {
    final found = await _ask(address, token);
    if (found.wait == 0 || waited >= patience) return found;
    await Future<void>.delayed(Duration(seconds: found.wait));
    waited += found.wait;
  }
}

Future<Standing> _ask(Uri address, String token) async {
  final http.Response answer;
  try {
    answer = await http.get(
      address,
      headers: {'Accept': 'application/json', 'X-Session-Token': token},
    ).timeout(const Duration(seconds: 30));
  } on Exception {
    return const Standing('offline', wait: askAgain);
  }
  final said = answer.headers['retry-after'] ?? '';
  final wait = _seconds.hasMatch(said) ? int.parse(said).clamp(1, longestPause) : askAgain;
  if (answer.statusCode == 401) return const Standing('sign_in');
  if (answer.statusCode == 429 || answer.statusCode >= 500) return Standing('offline', wait: wait);
  if (answer.statusCode != 200) return const Standing('unknown');
  final payment = jsonDecode(utf8.decode(answer.bodyBytes)) as Map<String, dynamic>;
  return switch (payment['status']) {
    'CREATED' || 'READY' => Standing('pay', payment: payment),
    'PROCESSING' => Standing('confirming', payment: payment, wait: wait),
    'SUCCEEDED' => Standing('receipt', payment: payment),
    'FAILED' => Standing('failed', payment: payment),
    'CANCELED' => Standing('quit', payment: payment),
    _ => const Standing('unknown'),
  };
}

/// The screen on which a buyer pays. [paymentId] and [orderNumber] are of what
/// `POST checkout/ready/` answered: save them before this is shown. [onEnd] gets what [afterResume]
/// says, when nobody waits for the buyer any more. Until that is one of [over], show this again
/// with what was saved: also after the app was killed, since it asks first.
class PayScreen extends StatefulWidget {
  const PayScreen({
    super.key,
    required this.shop,
    required this.scheme,
    required this.token,
    required this.paymentId,
    required this.orderNumber,
    required this.onEnd,
  });

  final String shop;
  final String scheme; // such as examplestore
  final String token;
  final String paymentId;
  final String orderNumber;
  final ValueChanged<Standing> onEnd;

  @override
  State<PayScreen> createState() => _PayScreenState();
}

class _PayScreenState extends State<PayScreen> with WidgetsBindingObserver {
  late final WebViewController _view;
  late final StreamSubscription<Uri> _links;
  String _page = ''; // KakaoPay's, while it waits for its buyer
  bool _isAsking = false;
  bool _again = false;

  @override
  void initState() {
    super.initState();
    WidgetsBinding.instance.addObserver(this);
    _links = AppLinks().uriLinkStream.listen((uri) => _open(uri.toString()));
    _view = WebViewController()
      ..setJavaScriptMode(JavaScriptMode.unrestricted)
      ..setNavigationDelegate(NavigationDelegate(onNavigationRequest: _mayLoad));
    _ask();
  }

  @override
  void dispose() {
    WidgetsBinding.instance.removeObserver(this);
    _links.cancel();
    super.dispose();
  }

  @override
  void didChangeAppLifecycleState(AppLifecycleState state) {
    if (state == AppLifecycleState.resumed) _ask();
  }

  NavigationDecision _mayLoad(NavigationRequest request) {
    final url = request.url;
    switch (whereTo(url, shop: widget.shop, scheme: widget.scheme, provider: _page)) {
      case Where.inside:
        return NavigationDecision.navigate;
      case Where.nowhere:
        return NavigationDecision.prevent;
      case Where.outside || Where.back:
        if (!request.isMainFrame && url.startsWith('https://')) {
          return NavigationDecision.navigate; // a part of the page
        }
        _open(url);
        return NavigationDecision.prevent;
    }
  }

  Future<void> _open(String url) async {
    final number = fromDeepLink(url, widget.scheme);
    if (number != null) {
      if (number == widget.orderNumber) await _ask();
      return;
    }
    for (final address in outsideAddresses(url)) {
      try {
        final uri = Uri.parse(address);
        if (await launchUrl(uri, mode: LaunchMode.externalApplication)) return;
      } on Exception {
        // no app for it: the next one
      }
    }
  }

  Future<void> _ask() async {
    _again = true; // what was asked a moment ago may be out of date
    if (_isAsking) return;
    _isAsking = true;
    Standing found;
    do {
      _again = false;
      found = await afterResume(
        shop: widget.shop,
        token: widget.token,
        paymentId: widget.paymentId,
      );
    } while (_again && found.show == 'pay');
    _isAsking = false;
    if (!mounted) return;
    if (found.show != 'pay') return widget.onEnd(found);
    final page = found.payment['redirect_urls']['app'] as String;
    if (page == _page) return; // it is open already, and goes on by itself
    setState(() => _page = page);
    await _view.loadRequest(Uri.parse(page));
  }

  @override
  Widget build(BuildContext context) {
    if (_page.isEmpty) return const Center(child: CircularProgressIndicator());
    return WebViewWidget(controller: _view);
  }
}
