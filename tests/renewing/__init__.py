"""
Every period is charged exactly once, or the membership ended by the rules.

Memberships are bought and live for months, on a clock that is moved. Each day's work is done by
processes of their own, often two at once, which are killed by SIGKILL wherever they are and begin
again; answers of the provider are lost, cards decline, payers end their agreements, and shoppers
stop, resume, change and pay meanwhile. In the end an oracle that knows the rules by heart, and uses
none of the shop's code for them, compares the shop's books with the provider's.
"""
