"""Asking a service, in this process."""

from reprofp.daemon.peers import Peer
from reprofp.ledger.files import pack_record
from reprofp.wire import Request


def ask(service, method, uid, **params):
    return service.handle(Request(method, params), Peer(uid))


def answer(service, method, uid, **params):
    reply = ask(service, method, uid, **params)
    assert reply.code == "", reply.text
    return reply.result


def fill(service, uid, *records):
    return answer(service, "record.put", uid, records=[pack_record(record) for record in records])["kept"]
