"""
No payment is ever lost or doubled: the web process is killed at every step of a request.

A step is a *point*: just before or just after something that outlives the process, which is a
commit, or a part of a conversation with the payment provider. A first request lists the points it
passes; then one request for each of them dies there by SIGKILL, the shop recovers, and its books
are compared with the provider's. The shop's own code runs as it is: nothing in it is patched.
"""
