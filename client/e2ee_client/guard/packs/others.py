"""What else a sentence with words of a pack may be about, in German and English.

Lists whose name begins with `somebody` hold where the sentence speaks of nobody, but for who belongs to the
words ("my printer"). There, `~` says that who stands beside it only does something ("I am looking for"), and
is not whom the rest is about; `?` asks in general, and who stands beside it is spoken of all the same. Lists
with the name of a pack hold whoever is spoken of, unless a word with `?` stands there.
"""

from __future__ import annotations

from typing import Final

_STORIES: Final = """
film*, kinofilm*, kino, roman, romans, romane, krimi*, thriller, serie, serien, staffel, hörbuch*, buch,
buchs, buches, bücher*, sachbuch*, fachbuch*, lehrbuch*, kinderbuch*, kochbuch*, bildband, ratgeber*,
lesung*, theater*, musical*, oper, lied, lieds, song*, podcast*, doku, dokus, dokumentation*, ausstellung*,
museum*, comic*, brettspiel*, videospiel*, computerspiel*, spiel, spiels, spiele, level, zeitung*,
zeitschrift*, schlagzeile*, referat*, hausarbeit, seminar*, vortrag*, vorlesung*, webinar*, flyer*, plakat*,
poster*, broschüre*, newsletter*, slogan*, faschings*, karneval*, halloween, puppe*, spielzeug*, teddy*,
plüsch*, lego*, playmobil*, hauptfigur, schauspieler*, sendung mit, tatort, gedicht*, quiz*,
kreuzworträtsel*, movie*, novel, novels, book, books, textbook*, series, episode*, tv show*, the show,
theatre*, opera, soap opera, school play, album, documentar*, exhibition*, board game*, video game*, game,
games, newspaper*, magazine*, headline*, the news, essay, lecture*, workshop*, leaflet*, brochure*, advert*,
costume*, fancy dress, playset*, doll, dolls, toy, toys, plush*, actor, actress, character, crossword*,
audiobook*, cartoon*, box set, playlist*,
"""
_THINGS: Final = """
server*, drucker*, computer*, rechner*, laptop*, pc, handy, bildschirm*, monitor, software*, app, website*,
webseite*, homepage, onlineshop, login, akku*, batterie*, motor, auto, autos, waschmaschine*, maschine*,
roboter*, staubsauger*, router*, festplatte*, datei*, konsole*, teppich*, tisch*, schrank*, sofa*, regal*,
jacke*, hose*, kleid, schuh, schuhe, schuhen, rasen*, garten*, pflanze*, zimmerpflanze*, orchidee*, rose,
rosen, tomate*, baum, bäume, hecke, fliese*, dach, heizung*, mauer, warteschleife*, hotline*, leitung,
statue*, fahrrad*, rad, gerät, geräte, printer*, screen*, apps, battery, batteries, engine, machine*,
robot*, vacuum*, hard drive, console, carpet*, table, tables, chair, chairs, armchair*, wardrobe*, couch*,
shelf, jacket*, trousers, dress, shoe, shoes, shirt*, lawn*, garden*, plants, houseplant*, orchid*, roses,
tomatoes, hedge*, tile, tiles, logo*, wheelbarrow*, hold music, script, button, hotline, helpline, phone,
phones, handys, smartphone*, tablet, kopfhörer*,
"""
_ROUND_ABOUT: Final = """
paket*, lieferung, lieferdienst, zusteller*, bote, straße gesperrt, marathon*, umleitung, baustelle*,
nebenan, gegenüber, im ersten stock, im zweiten stock, im dritten stock, im erdgeschoss, neben dem,
neben der, parcel*, package, courier, postman, next door, opposite, road closed, street closed, marathon,
"""
_DISHES: Final = """
kuchen, torte, *kuchen, *suppe, *salat, *auflauf, *eintopf, nudeln, soße, gewürz*, speisekarte,
mittagstisch, kantine, beilage*, cake, cakes, soup, salad, sauce, curry, menu, dish, dishes, recipe*,
pizza*, pasta,
"""
_TRADE: Final = """
laut presse, laut bericht, regierung*, wirtschaft, politik*, konkurrenten, konzern*, börsennotiert*,
weltmarkt, the economy, government, politic*, competitor*, elections, das wort, übersetz*, auf englisch,
the word, translat*, spelling,
"""
_JOBS: Final = """
arbeite in, arbeite bei, arbeite als, arbeite im, arbeite beim, arbeite für, arbeiten in, arbeiten als,
arbeitet bei, arbeitet als, arbeitet in, arbeitet im, arbeitet beim, von beruf, bin arzt, bin ärztin,
bin anwalt, bin anwältin, bin notar, bin notarin, bin richter, bin richterin, bin steuerberater*,
bin polizist*, bin krankenschwester, bin pflegekraft, bin pfleger*, bin zahnarzt, bin zahnärztin,
bin physio*, bin therapeut*, bin hebamme, bin apotheker*, bin banker*, bin psycholog*, ist arzt, ist ärztin,
ist anwalt, ist anwältin, ist notar, ist richter, ist richterin, ist polizist*, ist krankenschwester,
ist zahnarzt, ist zahnärztin, ist hebamme, ist steuerberater*, ist apotheker*, ist psycholog*,
unsere praxis, unserer praxis, unsere klinik, unserer klinik, unsere kanzlei, unserer kanzlei,
unsere station, für die praxis, für die kanzlei, für die klinik, meine praxis, meine kanzlei, meiner praxis,
meiner kanzlei, studiert jura, studiert medizin, studiere jura, studiere medizin, jurastud*, medizinstud*,
ausbildung als, ausbildung zum, ausbildung zur, kittel*, praktikum*, bewerbe mich, bewerbung als,
stellenanzeige*, stelle als, wir suchen für, reinigungskraft, work at, work in a, work for a, work as,
works at, works in a, works for, works as, working as, working at, i m a nurse, i m a doctor, i m a lawyer,
i m a solicitor, i m a dentist, i m a police*, i m a paramedic, i m a therapist, i m a midwife, i m a judge,
i am a nurse, i am a doctor, i am a lawyer, i am a solicitor, i am a dentist, is a nurse, is a doctor,
is a lawyer, is a solicitor, is a dentist, is a judge, is a policeman, is a police officer, is a surgeon,
is a therapist, is a midwife, our practice, our clinic, our ward, our law firm, our surgery, my practice,
my law firm, studies law, studying law, studies medicine, studying medicine, law student*, medical student*,
med student*, scrubs, internship*, job ad, vacancy, vacancies, trainee, apprentice*, training as,
apply for the job, cover letter, we run, i run a, runs a, run a, head nurse, wir betreiben, ich betreibe,
"""
_WHO_ACTS: Final = """
~suche ein, ~suche eine, ~suche das, ~suche den, ~suche die, ~suchen ein, ~suchen für, ~lese, ~lesen,
~gelesen, ~gesehen, ~schaue, ~spiele, ~spielt, ~spielen, ~schreibe, ~schreibt, ~schreiben, ~bestelle,
~bestellen, ~verkaufe, ~kaufe, ~hätte ich gern, ~hätte gern, ~hätte gerne, ~sammle, ~male, ~reading, ~read,
~watched, ~watching, ~saw, ~plays, ~playing, ~play, ~writing, ~writes, ~wrote, ~order, ~ordering, ~sell,
~buying, ~looking for, ~collect, ~designed, ~designing,
"""
_ASKED: Final = """
?was kostet, ?was kosten, ?wie viel kostet, ?wieviel kostet, ?wie viel kosten, ?wie teuer, ?preis, ?preise,
?im angebot, ?angebote, ?auf lager, ?lieferbar, ?vorrätig, ?sortiment, ?geöffnet, ?öffnungszeiten,
?führen sie, ?haben sie noch, ?haben sie auch, ?haben sie das, ?haben sie die, ?haben sie den,
?haben sie ein, ?haben sie eine, ?haben sie einen, ?verkaufen sie, ?verkauft ihr, ?bieten sie, ?bietet ihr,
?gibt es bei ihnen, ?gibt es das, ?gibt es die, ?gibt es den, ?gibt es auch, ?habt ihr, ?nehmen sie,
?akzeptieren sie, ?wo finde ich, ?wo steht, ?wie hoch ist, ?wie hoch sind, ?welche größe, ?in größe,
?im set, ?rabatt*, ?gutschein*, ?aktion, ?aushängen, ?bei ihrem, ?bei ihrer, ?ihre seite, ?auf der seite,
?wie lange ist, ?steht auf, ?probeabo, ?sind die * noch, ?how much is, ?how much are, ?how much does,
?how much do, ?price, ?prices, ?on offer, ?in stock, ?do you sell, ?do you have, ?do you stock,
?do you offer, ?do you take, ?do you accept, ?do you do, ?are you open, ?opening hours, ?opening times,
?available in, ?where do i find, ?where can i find, ?what s the, ?what is your, ?what are your,
?what are the, ?is there a, ?are there any, ?does your, ?which brand, ?discount*, ?voucher*, ?sold out,
?refundable, ?on display, ?in red, ?in blue, ?in size, ?on your website, ?on the page, ?open on,
"""
_SPORTS: Final = """
bundesliga, fußball*, elfmeter, schiri*, trikot*, turnier*, football*, referee*, premier league, penalty,
tournament*, match,
"""
_INVOICED: Final = """
?rechnung, ?rechnungen, ?lieferschein*, ?quittung*, ?karton*, ?invoice*, ?receipt*, ?delivery note,
"""
_PRETENDED: Final = """
spell, spelled, spelling, buchstabier*, was bedeutet,
dressing up as, dress up as, dressed as, verkleidet sich, verkleiden, verkleidung, kostüm*, costume*,
wants to be a, wants to become a, will * werden, möchte * werden, school play, schultheater, theaterstück*,
im theater, playing a, plays a, theatergruppe, escape room*, theme, themed,
"""
_ANIMALS: Final = """
hund, hunde, hunds, hundes, hündin, hunden, welpe*, katze, katzen, kater, kätzchen, pferd*, stute, pony*,
hamster*, kaninchen*, hase, hasen, meerschweinchen*, wellensittich*, papagei*, hühner, henne, kuh, kühe,
schafe, ziege*, fische, aquarium*, schildkröte*, tierarzt*, tierärzt*, tierheim*, tierklinik*, haustier*,
rüde, dackel, labrador, dog, dogs, puppy, puppies, cat, cats, kitten*, horse*, hamsters, rabbit*,
guinea pig*, parrot*, hens, chickens, pflanze*, zimmerpflanze*, orchidee*, plant, plants, houseplant*,
orchid*, trächtig, cow, cows, sheep, goat*, tortoise*, vet, vets, veterinar*, pets, my pet, spaniel, ?biss,
?gebissen, ?bisswunde, ?hundebiss*, ?allerg*, ?gekratzt, ?umgerissen, ?angesprungen, ?blindenhund,
?assistenzhund, ?führhund, ?asthma, ?getreten, ?abgeworfen, ?runtergefallen, ?heruntergefallen, ?bite,
?bites, ?bit, ?bitten, ?scratched, ?knocked me, ?pulled me, ?kicked, ?threw me, ?fell off, ?thrown, ?guide,
?assistance, ?service dog, ?support dog,
"""
_IN_JEST: Final = """
haha*, hihi, lol, rofl, scherz, just kidding, just joking, nur spaß, warteschleife*, hold music, euer login,
ihr login, your app, your website, your login, your hold, eure app, ihre app, dieser app, ihre hotline,
eure hotline, your chatbot, ihr chatbot, your customer service, your hotline,
"""
WORDS: Final = {
    "somebody": ",".join((_STORIES, _TRADE, _JOBS, _WHO_ACTS, _ASKED, _INVOICED)),
    "somebody health": ",".join((_THINGS, _ROUND_ABOUT, _DISHES)),
    "somebody finance": _SPORTS,
    "somebody legal": ",".join((_SPORTS, _ROUND_ABOUT, _DISHES)),
    "health": ",".join((_ANIMALS, _IN_JEST, _PRETENDED)),
    "finance": ",".join((_IN_JEST, _PRETENDED)),
    "legal": ",".join((_IN_JEST, _PRETENDED)),
}
