"""Words about a legal matter of a person: dispute, court, police, charge, divorce, inheritance, residence."""

from __future__ import annotations

from typing import Final

_GERMAN: Final = """
anwalt*, anwält*, rechtsanwalt*, rechtsanwält*, *anwalt, *anwältin, fachanwalt*, kanzlei*, mandant*, mandat, mandats*, rechtsbeistand,
rechtsberat*, rechtsschutz*, rechtsstreit*, rechtliche schritte, rechtliche hilfe, rechtlich vorgeh*, rechtsweg, prozesskost*, beratungshilfe,
~klage, ~klagen, ~klagt, klage ein*, klage erh*, klage geg*, klage abgewiesen, die klage, eine klage, *klage, *klagen, -klagen nicht, -klage
nicht, -beklagen, -anklagen nicht, -totenklage, -wehklage, verklag*, klageschrift*, klageerwid*, einklag*, eingeklagt, kläger*, beklagte,
beklagten, beklagter, anklage*, angeklagt*, gegenseite, gegenanwalt, gegnerisch*, prozess gegen, ~prozess, ~verfahren, ~verhandlung,
verhandlung ist, verhandlungstermin*, gerichtsverhandl*, hauptverhandl*, verhandlung am, gütetermin*, ~saal,
vor gericht, das gericht entsch*, beim gericht, vom gericht, zum gericht, gericht geladen, ~gericht !nudel !koch !beilage !köstlich !lecker
!scharf !vegetar !teller !menü !soße, amtsgericht*, landgericht*, oberlandesgericht*, arbeitsgericht*, sozialgericht*, verwaltungsgericht*,
familiengericht*, strafgericht*, finanzgericht*, bundesgericht*, betreuungsgericht*, nachlassgericht*, insolvenzgericht*, gerichtstermin*,
gerichtsverfahr*, gerichtsbeschluss, gerichtskosten*, gerichtlich*, gerichtsurteil*, ~richter, ~richterin, ~urteil, -urteil meiner, das urteil
geg*, gegen das urteil, verurteil*, freispruch, freigesprochen, ~berufung, berufung geg*, berufung ein*, ~revision, ~einspruch, ~widerspruch*,
widerspruch geg*, einspruch geg*, ~bescheid*, ~frist, ~beschluss, ~vergleich, vergleich über, vergleichsangebot*, außergerichtlich*, mediation*,
schlichtung*, sammelklage*,
bußgeld*, strafanzeige*, anzeige erstatt*, anzeige geg*, anzeige wegen, anzeige bei der polizei, ~anzeige !display !leuchte !flackert !stelle,
angezeigt wegen, wegen * angezeigt, ~angezeigt, polizei, polizei*, kripo, kriminalpolizei, vorladung*, vorgeladen, als zeug*, zeugenaussage*,
~zeuge, ~zeugin, ~zeugen, ~aussage, ~aussagen, ~auszusagen, ~geladen, ermittl*, ~ermittelt, ~vorwurf, ~vorgeworfen, beschuldigt*, beschuldigter,
tatverdacht*, verdächtig* !mail !link !nachricht !geräusch, staatsanwalt*, strafbefehl*, strafverfahr*, strafprozess*, strafverteidig*, strafbar*,
straftat*, strafrecht*, ~strafe, geldstrafe*, freiheitsstrafe*, haftstrafe*, vorstrafe*, vorbestraft*, führungszeugnis* , bewährung, bewährungs*,
auf bewährung, haft, untersuchungshaft, u haft, haftbefehl*, verhaft*, festgenommen*, gefängnis*, jva, inhaftiert*, häftling*, hausdurchsuch*,
durchsuchungsbef*, beschlagnahm*, körperverletzung*, betrug, betrugs*, ~betrogen, ~betrüger*, diebstahl*, ~gestohlen, einbruch*, ~eingebrochen,
raubüberfall*, erpress* !kanne !espresso, fahrerflucht, unfallflucht, nötigung, üble nachrede, verleumd*, ~beleidigung*, ~beleidigt,
vergewaltig*, missbrauch*, sexuelle*, belästig*, häusliche gewalt, stalk*, gestalkt, stalking, kontaktverbot*, näherungsverbot*, gewaltschutz*,
einstweilige*, unterlassung*, unterlassungserkl*, abmahn*, abgemahnt, ~filesharing, urheberrechtsverl*, markenrechtsverl*, schadensersatz*,
schadenersatz*, schmerzensgeld*, ~drogen, ~führerschein, führerscheinentzug, fahrverbot*, mpu, alkohol am steuer, ~punkte in flensburg,
scheidung*, scheiden lassen, uns scheiden, lassen uns scheiden, lässt sich scheiden, geschieden*, ~getrennt, trennungsjahr, trennungsunterhalt,
ehevertrag*, sorgerecht*, umgangsrecht*, aufenthaltsbestimm*, ~umgang, zahlt * unterhalt, keinen unterhalt, kindesunterhalt*, unterhaltspflicht*,
unterhaltsklage*, unterhaltszahl*, ~unterhalt, jugendamt*, inobhutnahme, vaterschaft*, adoption*, adoptier*, vormund*, betreuungsverf*,
gesetzliche betreu*, zugewinn*, testament !dvd !film !roman !bibel !buch !altes !neues, erbvertrag*, pflichtteil*, erbschaft*, erbstreit*,
erbengemeinschaft*, erbschein*, erbfall, erbrecht*, enterb*, ~erbe, ~erben, -erben sie, ~geerbt, nachlassverw*, nachlassger*, ~nachlass,
vorsorgevollmacht*, generalvollmacht*, ~vollmacht, notar, notars, notarin*, notariell*, notartermin*,
räumungs*, zwangsräum*, räumungsklage*, eigenbedarf*, kündigungsschutz*, fristlos gekünd*, fristlose kündigung, fristlos entlass*,
gegen meine kündigung, gegen die kündigung, abfindung*, aufhebungsvertrag*, mietminderung*, mietstreit, mietrecht*, arbeitsrecht*,
familienrecht*, sozialrecht*, ~vermieter, ~kündigung, ~gekündigt, mobbing*, diskriminier*, betriebsrat, ~arbeitgeber,
aufenthaltstitel*, aufenthaltserlaubnis*, aufenthaltsgenehm*, aufenthaltsrecht*, niederlassungserlaubnis*, asyl*, flüchtling*, abschieb*,
abgeschoben, ausweisung, duldung*, einbürger*, ausländerbehörde*, ~visum, familiennachzug*, ausreisepflicht*, bamf, akteneinsicht*, zeugnisverweiger*,
aktenzeichen der staats*, rechtskräftig*, schuldig gesprochen, ~unschuldig, ~schuldig, ~gutachter*, verjähr*, verfügung erwirkt, ~verfügung,
~beweis*, eidesstattlich*, zeugenschutz, kindesentzug, kindeswohl*
"""
_ENGLISH: Final = """
lawyer* !joke, solicitor*, attorney*, barrister*, legal advice, legal action*, legal aid, legal matter*, legal dispute*, legal proceeding*, legal fees,
legal team, legal counsel, my counsel, law firm*, paralegal*, attorney client, client privilege, retainer agreement, ~legal, ~counsel,
~sue, sued, sues, suing, lawsuit*, litigat*, class action, plaintiff*, defendant*, claimant*, small claims, statement of claim, filed a claim,
file a claim against, in court, to court, of court, the court*, county court*, high court, family court*, crown court*, supreme court,
district court*, magistrate*, tribunal*, court order*, court date*, court hearing*, court case*, court summons, ~court, -tennis court*, -food court*,
-basketball court*, -squash court*, -court behind, -badminton court*, -court side, hearing is, hearing on, a hearing, the hearing, court room,
my hearing, ~hearing, -hearing from you, -hearing back, -look forward to hearing, ~judge, ~judges, -judge of the, judge ruled, the judge
said, the judge gave, judgement against, judgment against, ~ruled, ~ruling, ~verdict*, ~jury, ~appeal, -appeal to your, -i appeal to, want to
appeal, lodge an appeal, appeal against, appeal the, ~trial, -free trial, -trial version, -trial period, -trial subscription, on trial,
until the trial, the trial is, criminal trial, ~settle, ~settled, settlement offer*, settled out, out of court, ~settlement, mediation,
arbitration, breach of contract, ~breach, ~dispute, ~contest*, injunction*, restraining order*, cease and desist, subpoena*, summons*, summoned,
affidavit*, deposition, sworn statement, power of attorney, notar*, served me, served with, damages claim*, compensation claim*, ~compensation,
copyright infring*, infringement*, defam*, libel*, slander*, whistleblow*, ~witness*, testif*, testimony,
police, arrest*, detained, in custody, custody, custody battle*, charged with, been charged, pressing charges, press charges, charges against,
dropped the charges, drop the charges, criminal charge*, ~charges, ~charged, bail, bailed, -bail out, probation !probationary, parole*, prison*,
jail*, inmate*, convict*, criminal, criminal record*, felony, misdemeanour*, misdemeanor*, prosecut*, indict*, plead guilty, pleaded guilty,
pled guilty, guilty plea, ~guilty, ~innocent, ~accused, accused of, ~suspect, ~offence, ~offense, drink driving, drunk driving, dui, dwi,
speeding fine, speeding ticket*, ~fine, ~fined, ~theft, ~stolen, ~stole, burgl*, robbery, robbed, assault*, rape, raped, sexual*, harass*,
stalk*, domestic violence, domestic abuse, abuse, abused, blackmail*, extort*, fraud*, embezzl*, investigation, under investigation,
~investigat*, search warrant*, warrant, arrest warrant*, sentenced, prison sentence*, community service, hit and run, ~crime*, manslaughter, ~murder*,
divorc*, prenup*, separation agreement*, marital, alimony, child support, maintenance payment*, child maintenance, visitation*, parental rights,
paternity, guardianship, ~adopt*, foster care, social services, child protection, ~custod*,
inherit* !class, inheritance dispute*, probate, executor*, my will, his will, her will, s will, last will, contest the will, contesting *,
the will, disinherit*, ~estate, ~will and testament, trustee*, prenuptial,
evict*, eviction*, landlord is trying, section 21, unfair dismiss*, unfairly dismissed, wrongful*, wrongfully, ~dismissed, ~fired, ~landlord,
~tenant*, discriminat*, employment law, employment tribunal*, redundancy claim,
visa was refused, visa was denied, visa was rejected, visa refus*, visa reject*, visa appl*, visa appeal*, visa expir* !card !capital !credit, work visa*, student visa*, spouse visa*,
overstay*, ~visa, ~refused, asylum*, refugee*, deport*, immigration*, residence permit*, green card*, leave to remain, citizenship*,
naturalis*, naturaliz*, undocumented, work permit*
"""
WORDS: Final = {"de": _GERMAN, "en": _ENGLISH}
