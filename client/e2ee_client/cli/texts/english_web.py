"""What the command line says of a company's web pages, in English."""

from __future__ import annotations

from typing import Final

ENGLISH_WEB: Final[dict[str, str]] = {
    "help.web": "the company's web pages: build, verify, check",
    "help.web.build": "write the room, the button and the settings of web servers into a folder, signed",
    "help.web.sign": "sign the list of a site with an account key that is kept elsewhere",
    "help.web.install": "put the list that was signed elsewhere into its site",
    "help.web.verify": "compare what is served with what the company has signed; needs no store",
    "help.web.check": "say why a room would not work on its host and in its pages; needs no store",
    "help.web_config": "the settings: room, pages, and how the button looks",
    "help.web_out": "folder of the site; what an earlier build left there is replaced",
    "help.web_signed": "the signed list",
    "help.web_folder": "the folder of the site",
    "help.web_url": "address of the room, or the folder of a site",
    "help.web_room": "address of the room, such as https://chat.praxis.example/room.html",
    "help.web_company": "the company's contact card, or the 64 digits of its account",
    "help.web_known": "a list that was kept earlier (.well-known/sealroom-assets): an older one is a fault",
    "help.web_page": "address of a page that has the button; may be given several times",
    "web.made": "The list has number {seq} and holds until {date}: build anew before, with each new "
    "notice too.",
    "help.company.origins": "the hosts that may show your door; add or remove some",
    "help.origins_add": "such as https://chat.praxis.example; 4 at most in all",
    "help.origins_remove": "one that may not show it any longer",
    "origins.none": "No host may show the door.",
    "origins.changed": "Signed with a new mandate. Make door and site anew: sealroom company door, "
    "sealroom web build.",
    "origins.elsewhere": "The account key is kept elsewhere: this counts when a new mandate is signed there "
    "(sealroom company mandate request).",
    "origins.kept": "What you have chosen is kept; no mandate names it yet.",
    "origins.named": "Until a new mandate counts, these may show the door: {origins}",
    "error.origins.no_notice": "nothing was signed: your company has no notice yet",
    "hint.origins.no_notice": "sealroom company notice draft FOLDER, then sealroom company publish",
    "error.origins.unsigned": "nothing was signed yet",
    "hint.origins.unsigned": "it is signed when the relay answers: sealroom company origins shows it",
    "web.to_sign": "The account key is kept elsewhere. Have {file} signed there (sealroom web sign), "
    "then sealroom web install.",
    "web.next": "Next: put `room` on {room} and `page` on the page's host, set the headers by `servers`, "
    "paste snippet.html,\nthen sealroom web check and sealroom web verify.",
    "web.signed": "Signed: {path}. Install it with: sealroom web install",
    "web.list": "List {seq} of release {release}, {count} files, signed {made} by {account}, good until "
    "{ends}",
    "web.list.one": "List {seq} of release {release}, {count} file, signed {made} by {account}, good until "
    "{ends}",
    "web.holds": "Everything that was asked for is served as the company has signed it.",
    "web.differs": "What is served is not what the company has signed, or could not be compared.",
    "web.seen": "This is what the requests of this command were answered, from here and now, as four "
    "different programs.\nA server can answer others otherwise, and can hold files that are not listed.",
    "web.folder_seen": "This says nothing of what a web server makes of the folder: sealroom web verify "
    "URL does.",
    "web.works": "Nothing was found that keeps the room from working.",
    "web.fails": "The room will not work like this.",
    "error.web.account": "not a contact card, nor the 64 hexadecimal digits of an account",
    "error.web.address": "not the address of a page: {address}",
    "hint.web.address": "it begins with https:// and has no name and password in it",
    "finding.fault": "FAULT  ",
    "finding.warning": "warning",
    "finding.note": "note   ",
    "finding.seen_by": " [served so only to: {names}]",
    "finding.account_stated": "{where}: the account {what} is only what is stated there, so nothing is "
    "verified; give the company's card (--company)",
    "finding.newer": "{where}: the list {what} is newer than the kept one",
    "finding.ends_soon": "{where}: the list ends on {what}; build the site anew",
    "finding.door_ends_soon": "{where}: the door ends on {what}; build the site anew",
    "finding.certificate_ends_soon": "{where}: the certificate ends on {what}",
    "finding.no_integrity": "{where}: the script of the button stands there without integrity=",
    "finding.no_account": "{where}: <seal-room> names no account, so the certificate of the room's host "
    "is all that is trusted",
    "finding.slow_all": "{where}: not everything was answered within {what} s; the rest was not looked at",
    "finding.unreachable": "{where}: cannot be reached",
    "finding.certificate": "{where}: the certificate does not hold {what}",
    "finding.slow": "{where}: no answer in time",
    "finding.not_http": "{where}: what answers does not speak HTTP",
    "finding.odd_head": "{where}: a line among its headers is none; programs read on in different ways",
    "finding.encoded": "{where}: served as {what}, which is not read here, so what browsers get was not "
    "seen; have it served in gzip or as it is",
    "finding.redirect": "{where}: points elsewhere, to {what}; that is not followed",
    "finding.status": "{where}: answered with status {what}",
    "finding.larger": "{where}: has more than the {what} bytes that it may have",
    "finding.cut": "{where}: the answer was cut short after {what} bytes",
    "finding.changed": "{where}: other bytes than those that were signed ({what} bytes)",
    "finding.absent": "{where}: is missing",
    "finding.unlisted": "{where}: is in the folder and not in the list",
    "finding.link": "{where}: is a link, which leads out of the folder",
    "finding.header_missing": "{where}: the header {what} is missing",
    "finding.header_other": "{where}: another header than it has to be: {what}",
    "finding.header_odd": "{where}: a header that no such file has: {what}",
    "finding.media_type": "{where}: served as {what}, which browsers will not take",
    "finding.not_signed": "{where}: the list is not signed by this company, or damaged ({what})",
    "finding.expired": "{where}: the list ended on {what}, or is of a time to come; build the site anew",
    "finding.other_origin": "{where}: the list is that of {what}",
    "finding.older": "{where}: an older list was put back ({what})",
    "finding.forked": "{where}: another list with the number {what} than the kept one",
    "finding.door": "{where}: the door is refused by customers ({what})",
    "finding.no_name": "{where}: the name {what} has no address in the DNS",
    "finding.cors": "{where}: lets scripts of other pages read it (Access-Control-Allow-Origin: {what})",
    "finding.policy_missing": "{where}: no Content-Security-Policy",
    "finding.policy_loose": "{where}: the Content-Security-Policy lacks {what}",
    "finding.policy_relay": "{where}: the Content-Security-Policy does not let the room reach its relay "
    "{what}",
    "finding.not_framed": "{where}: the Content-Security-Policy (frame-ancestors) keeps the room out of "
    "{what}",
    "finding.other_site": "{where}: has another registered domain than {what}; the room is refused there",
    "finding.insecure_page": "{where}: a page without TLS; anybody on the way can change it",
    "finding.isolated": "{where}: is isolated (Cross-Origin-Embedder-Policy: {what}); the room's frame "
    "stays empty",
    "finding.not_embedded": "{where}: has no {what} of the room in its HTML",
    "finding.insecure_part": "{where}: loads {what} without TLS",
    "finding.other_room": "{where}: the button opens {what}",
    "finding.page_policy": "{where}: the page's own Content-Security-Policy forbids {what}",
    "finding.no_relay": "{where}: answers, but no room is connected there ({what})",
    "finding.other_host": "{where}: stands on another host than {what}, and does not let it load the script "
    "(Access-Control-Allow-Origin)",
    "finding.integrity": "{where}: is not the script that the page names ({what}); browsers will not run it",
}
