"""Words about the means of a person: income, benefits, debts, credit, savings, insolvency."""

from __future__ import annotations

from typing import Final

_GERMAN: Final = """
kredit !foto !bild !film !autor !abspann, kredite, krediten, kredits, kreditrate*, kreditvertrag*, kreditantrag*, kreditwürdig*,
kreditsumme*, kreditrahmen, kreditlinie*, kreditzins*, ratenkredit*, *kredit, *kredite, umschuld*, darlehen*, *darlehen, hypothek*,
baufinanzier*, immobilienfinanzier*, anschlussfinanzier*, finanzierung !projekt, finanzierungs*, ~finanzieren, tilgung*, tilge, tilgen,
getilgt, zins, zinssatz, zinslast, sollzins*, zinsen !rechner, ~zinsen, ~rate, ~raten, ratenzahlung*, in raten zahlen, in raten abzahlen,
abzahlen, abbezahl*, ratenschutz,
schulden, *schulden, schuldner*, verschuldet*, verschuldung, überschuldet*, überschuldung, schuldenberat*, schuldnerberat*, schuldenfrei,
schulde ihnen, gläubiger*, schufa*, bonität*, insolven*, *insolvenz, pleite, pleitegeh*, bankrott, zahlungsunfähig*, zahlungsschwier*,
zahlungsverzug, geldsorgen, geldnot, geldprobleme*, finanzielle probleme, finanziell*, finanzielle schwierig*, finanzlage, kein geld,
knapp bei kasse, ~knapp, bin blank, völlig blank, nicht leisten, pfändung*, pfändbar*, pfänden, gepfändet*, *pfändung, *pfändungen, pfändungsschutz*, p konto, gerichtsvollzieher*,
inkasso*, mahnbescheid*, vollstreckungsbescheid*, zwangsvollstreck*, zwangsversteiger*, vermögensauskunft, eidesstattliche, offenbarungseid,
~mahnung*, stundung*, zahlungsaufschub, ~stunden sie, stunden sie den, stunden sie mir, stunden sie die, ruin, ruiniert, existenzminimum,
existenzangst,
kontostand*, kontoauszug*, kontoauszüg*, girokonto*, girokonten, dispo, dispokredit*, dispositionskredit, überziehung*, überziehe, ~überzogen,
konto überzogen, ~konto, ~bank, ~guthaben, ~abbuchung, ~miete, ~euro, ~bezahlen, ~zahlen, ~geld, rücklastschrift*, nicht gedeckt, im minus,
in den miesen, rote zahlen, kontopfändung,
gehalt !fett !zucker !alkohol !nähr !wasser, gehälter, monatsgehalt*, jahresgehalt*, nettogehalt*, bruttogehalt*, einstiegsgehalt*,
grundgehalt*, gehaltsabrechnung*, gehaltserhöh*, gehaltsnachweis*, gehaltsvorstell*, gehaltszettel, gehaltskonto, lohn !lohnt, löhne,
stundenlohn*, monatslohn*, nettolohn*, bruttolohn*, arbeitslohn, mindestlohn*, lohnzettel*, lohnfortzahl*, lohnausfall, ~lohnabrechnung*,
~lohnsteuer*, verdienst !verdienste, verdienstausfall*, verdienstbescheinig*, verdienstnachweis*, ich verdiene, verdiene ich, verdient monatlich, verdiene, nettoverdienst, einkommen, einkommens*, *einkommen, einkünfte*, mieteinnahm*, ~einnahmen, ~brutto, ~netto, ~monatlich,
~monat, meine rente, rentenbescheid*, rentenhöhe, rentenkürz*, kleine rente, altersarmut, witwenrente*, erwerbsminderungsrente*, betriebsrente*,
rente beträgt, rente von, rente reicht, ~rente, ~pension, rentnerin, ~rentner, altersvorsorge*, riester*, rürup*,
bürgergeld*, hartz*, arbeitslosengeld*, alg, arbeitslosenhilfe, grundsicherung*, sozialhilfe*, sozialleistung*, wohngeld*, bafög*, kindergeld*,
elterngeld*, kinderzuschlag*, kurzarbeitergeld*, kurzarbeit, unterhaltsvorschuss*, pflegegeld*, krankengeld*, übergangsgeld, stütze vom amt,
~jobcenter, ~arbeitsagentur, ~arbeitslos, arbeitslos gemeldet, sozialtarif*, ~sozialamt, tafel berechtig*, sozialticket,
aktie, aktien !aktion, *aktien, aktiendepot*, fonds, *fonds, fondsanteil*, ~depot, mein depot, im depot liegen, wertpapierdepot*, depotauszug*, depotkonto*, depotwert*, depotübertrag*, wertpapier*, etf, etfs,
sparplan*, bitcoin*, krypto*, ethereum, anleihe*, dividende*, zertifikate*, ~börse, ~investiert, ~investieren, ~anlegen, ~angelegt, geldanlage*,
anlageberat*, kapitalanlage*, rendite*, kapitalertrag*, freistellungsauftrag*, spekul*, ~verlust, ~verloren, lebensversicherung auszahl*,
ersparnis, ersparnisse*, erspart, erspartes, ersparte, ersparten, angespart*, sparbuch*, sparkonto, sparvertrag*, bausparvertrag*, bauspar*,
festgeld*, tagesgeld*, notgroschen, rücklagen, vermögen !vermögenswirksam !nicht, vermögens*, barvermögen, ~millionen, ~erbe, lottogewinn*,
steuerbescheid*, steuererklär*, steuerschuld*, steuernachzahl*, steuerrückzahl*, steuererstatt*, steuerklasse*, ~nachzahlung*, ~finanzamt,
~steuer, ~steuern, steuerrückstand*, einkommensteuer*, bürgschaft*, bürge für, ~bürge, mietschulden, mietrückst*, zahlungsrückst*,
stromschulden, spielschulden, bin überfordert mit den rechnungen, selbstauskunft*, einkommensnachweis*, vermögensauf*
"""
_ENGLISH: Final = """
loan !projector !book !library !museum !car !laptop !equipment !exhibit !on, loans, loan payment*, loan of *000, on a loan, a loan of, my loan,
student loan*, payday loan*, lender*, mortgage*, remortgag*, foreclos*, repossess*, refinanc*, instalment plan, payment plan*, ~instalment*,
~installment*, interest rate*, ~interest, pay interest, interest would i, ~rate, ~lend, ~lent, ~borrow*, borrowed money,
debt, debts, indebted, debtor*, creditor*, debt collect*, collection agency, collections agency, bailiff*, in arrears, arrears, bankrupt*,
insolven*, iva, garnish* !salad !dish !plate, repay*, ~owe, ~owes, i owe, -owe you, owe the, behind on my, behind with my, late on my rent, default on,
defaulted, credit score*, credit rating*, credit report*, credit check*, credit history, creditworth*, credit limit*, overdraft*, overdrawn,
account balance*, bank balance*, ~balance, bank statement*, ~bounced, negative balance, payday, broke until, i am broke, i m broke, dead broke,
can t afford, cannot afford, can not afford, couldn t afford, struggling to pay, ~afford, ~pay, ~paying, ~money, ~bank, ~rent, ~bills, money
problems, money worries, money troubles, financial difficult*, financial trouble*, financial hardship, hardship, financially, my finances,
~financial, final demand*, ~reminder*,
salary, salaries, wage, wages, my pay, pay slip*, payslip*, paystub*, pay stub*, pay cheque, pay check, paycheck*, pay rise, ~payroll, my income,
household income, income, incomes, earnings, i earn, earn about, he earns, she earns, we earn, ~earn, ~month, ~monthly, ~before tax, ~after tax,
before tax, after tax, a year before, take home pay, net pay, gross pay, hourly rate, per hour before, ~bonus, commission only,
~pension, my pension, pension fund*, pension pot, state pension, retirement fund*, retirement savings, 401k, ira, annuity, redundancy pay*,
severance, ~redundant, ~unemployed, unemployment benefit*, unemployment, universal credit, housing benefit*, child benefit*, on benefits,
~benefits, benefit claim*, disability benefit*, jobseeker*, welfare, food stamps, food bank*, means test*, social security benefit*, allowance,
savings, my savings, life savings, nest egg, savings account*, ~saved, ~invest*, invested in, investment*, shares !shares, my shares, sold shares,
~shares, ~stocks, stock market, ~stock, -in stock, -out of stock, -stock photo*, -stock level*, stocks and shares, portfolio !photo !design !art,
index fund*, mutual fund*, hedge fund*, etf*, dividend*, ~bonds, government bond*, capital gain*, capital gains, tax on the gain, crypto*,
bitcoin*, ethereum, ~lost everything, ~lost my job, trust fund*, net worth, inheritance tax, ~assets, lottery win*, gambling
debt*, gambling loss*, tax return*, tax bill*, tax office*, tax refund*, back taxes, ~tax, ~taxes, hmrc, irs, ~deposit, guarantor*, proof of
income, proof of funds, proof of earnings, down payment on, bad credit, poor credit, debt consolidat*
"""
WORDS: Final = {"de": _GERMAN, "en": _ENGLISH}
