"""What the sample ledger is made from: invented customers and what became of their invoices.

Dates such as 11-10 are in the sample's own year, 2026. Telephone numbers are of the ranges kept
for fiction, e-mail addresses of the domain kept for examples.
"""

# id | name | language | country | kind | address (/ ends a line) | contact | e-mail | other columns
# a second line of one id is a second contact
CUSTOMERS = """
C01 | Brasserie du Quai Neuf | fr | FR | business | 4 quai Neuf / 69009 Lyon | Nadia Ferrand | compta@quai-neuf.example |
C02 | Librairie Les Trois Marches | fr | FR | business | 12 rue des Marches / 38000 Grenoble | Paul Estève | bonjour@trois-marches.example |
C03 | Transports Valmoreau SAS | fr | FR | business | 8 zone des Portes / 26000 Valence | Karim Aubry | fournisseurs@valmoreau.example | phone=+33 4 65 71 10 03
C04 | Clinique vétérinaire des Ormes | fr | FR | business | 31 avenue des Ormes / 42000 Saint-Étienne | Claire Montel | secretariat@ormes.example |
C05 | Harrow & Finch Ltd | en | GB | business | 17 Finch Yard / Leeds | Amelia Harrow | accounts@harrow-finch.example | phone=+44 20 7946 0105
C06 | Blue Heron Studios Inc. | en | US | business | 220 Heron Street / Portland, OR | Dana Whitlock | ap@blueheron.example | phone=+1 212 555 0106
C07 | Pâtisserie Corneille | fr | FR | business | 2 place Corneille / 69003 Lyon | Inès Corneille | ines@corneille.example |
C08 | Garage Tissandier | fr | FR | business | 55 route de Vienne / 38200 Vienne | Marc Tissandier | atelier@tissandier.example |
C09 | Hôtel Bellecombe | fr | FR | business | 1 montée du Parc / 73000 Chambéry | Sophie Lanoë | direction@bellecombe.example | phone=+33 4 65 71 10 09
C10 | Norddeich Werkzeug GmbH | en | DE | business | Deichweg 9 / 26506 Norddeich | Jürgen Albers | buchhaltung@norddeich.example | contact_language=en
C11 | Imprimerie Vandenbrouck SRL | fr | BE | business | rue du Plomb 14 / 4000 Liège | Luc Vandenbrouck | compta@vandenbrouck.example |
C12 | Fleuriste Marguerite & Cie | fr | FR | business | 7 cours Fleuri / 69006 Lyon | Hélène Pirou | contact@marguerite.example | tags=loyal
C13 | Studio Lumen | fr | FR | business | 19 rue des Tables / 69001 Lyon | Anaïs Roussel | anaïs@studio-lumen.example |
C14 | Foundry Lane Coffee Ltd | en | IE | business | 3 Foundry Lane / Cork | Ciara Doyle | accounts@foundrylane.example |
C15 | Menuiserie Perrachon | fr | FR | business | 40 chemin du Bois / 01000 Bourg-en-Bresse | Gilles Perrachon | gilles@perrachon.example |
C16 | Cabinet Rousselot Architectes | fr | FR | business | 88 rue Haute / 69002 Lyon | Julie Rousselot | agence@rousselot.example | owner=Camille
C16 | Cabinet Rousselot Architectes | fr | FR | business | 88 rue Haute / 69002 Lyon | Service comptable | comptabilite@rousselot.example | owner=Camille; role=accounting
C17 | Pharmacie de l'Étang | fr | FR | business | 6 place de l'Étang / 01330 Villars | Olivier Sance | pharmacie@etang.example | mandate=yes
C18 | Boulangerie Saint-Aubin | fr | FR | business | 15 rue du Four / 71000 Mâcon | Thierry Aubin | four@saint-aubin.example | phone=+33 4 65 71 10 18
C19 | Domaine de la Combe Verte | fr | FR | business | La Combe Verte / 69430 Beaujeu | Agnès Verdier | chai@combe-verte.example | phone=+33 4 65 71 10 19
C20 | Café Montgolfière | fr | FR | business | 3 rue du Ballon / 07100 Annonay | Rémi Chabert | cafe@montgolfiere.example |
C21 | Agence Point du Jour | fr | FR | business | 27 rue de l'Aube / 69005 Lyon | Lucie Maurin | compta@pointdujour.example |
C22 | Épicerie Basilic | fr | FR | business | 9 rue Verte / 38000 Grenoble | Sami Haddad | epicerie@basilic.example |
C23 | Théâtre de la Passerelle | fr | FR | business | 1 quai des Arts / 69001 Lyon | Blanche Oudin | administration@passerelle.example | tags=culture
C24 | Ferme des Quatre Vents | fr | FR | business | Les Quatre Vents / 42130 Boën | Jean-Luc Faye | | phone=+33 4 65 71 10 24
C25 | Optique Clairval | fr | FR | business | 11 rue Claire / 69100 Villeurbanne | Maud Clairval | compta@clairval.example |
C26 | Chaudronnerie Maréchal | fr | FR | business | 70 rue des Forges / 42100 Saint-Étienne | Bruno Maréchal | bureau@chaudronnerie-marechal.example |
C27 | Ceramiche Bianchetti Srl | it | IT | business | via del Forno 5 / 12100 Cuneo | Paola Bianchetti | ufficio@bianchetti.example |
C28 | École de musique Arpège | fr | FR | business | 16 rue des Gammes / 69004 Lyon | Victor Salmon | ecole@arpege.example |
C29 | Auto-école du Parc | fr | FR | business | 2 allée du Parc / 69006 Lyon | Farid Nasri | contact@ecole-du-parc.example |
C30 | Traiteur Delmas | fr | FR | business | 33 rue Longue / 69001 Lyon | Odile Delmas | odile@delmas.example |
C31 | Kessler Feinkost GmbH | de | DE | business | Marktstraße 21 / 79098 Freiburg | Petra Kessler | rechnung@kessler.example | phone=+49 30 23125 131
C32 | Cycles Bonnard | fr | FR | business | 5 rue du Pignon / 01000 Bourg-en-Bresse | Yann Bonnard | cycles@bonnard.example |
C33 | Aline Janssens | fr | BE | consumer | rue de la Source 3 / 5000 Namur | Aline Janssens | aline@janssens.example | policy=consumer-be
C34 | Salle de sport Tonique | fr | FR | business | 48 rue des Sports / 69008 Lyon | Élodie Marchal | compta@tonique.example | mandate=yes
C35 | Meubles Garancière | fr | FR | business | 100 route Royale / 69400 Villefranche | Henri Garance | compta@garanciere.example |
C36 | Restaurant Le Petit Chalut | fr | FR | business | 6 quai des Pêcheurs / 69001 Lyon | Mona Tellier | mona@petit-chalut.example |
C37 | Bellerive Édition | fr | FR | business | 14 rue des Encres / 69007 Lyon | Camille Bellerive | edition@bellerive.example | tags=group
C38 | Bâtiment Rivoire | fr | FR | business | 61 rue du Chantier / 69800 Saint-Priest | Denis Rivoire | compta@rivoire.example |
C39 | Ateliers Vaucanson | fr | FR | business | 23 rue des Automates / 38000 Grenoble | Alice Morand | compta@vaucanson.example |
C40 | Maroquinerie Delorme | fr | FR | business | 18 rue du Cuir / 26100 Romans | Pascal Delorme | atelier@delorme.example |
C41 | Festival des Deux Rives | fr | FR | business | 1 place des Rives / 69007 Lyon | Zoé Lambert | production@deux-rives.example | tags=culture
C42 | Pépinières Lachenal | fr | FR | business | chemin des Serres / 38300 Bourgoin | Odette Lachenal | bureau@lachenal.example |
C43 | Commune de Valmoulin | fr | FR | public | place de la Mairie / 69999 Valmoulin | Service des finances | finances@valmoulin.example |
"""

# customer | due amount, … | reason it shows, line | payments: date amount line state | steps had | decision:
# mark since until because | other: own (the product's own balance), issued, currency, columns
BILLS = """
C01 | 11-10 1240.00 | | | | | pay_link=https://pay.bellerive.example/quai-neuf
C02 | 11-06 86.40 | | | | |
C02 | 11-09 214.00 | | | | |
C02 | 11-12 59.90 | | | | |
C03 | 10-30 2310.00 | | | friendly.1 11-03, friendly.c1 11-09 | promised 11-06 11-12 promised by telephone and not kept |
C04 | 10-28 642.00 | | | friendly.1 11-02 | |
C04 | 11-09 318.50 | | | | |
C05 | 11-08 850.00 | | | | | currency=GBP; reference=PO 4471
C06 | 11-05 2400.00 | | | | | currency=USD; reference=HERON-88
C07 | 11-09 980.00 | | | | |
C08 | 10-06 400.00, 11-06 400.00, 12-06 400.00 | not_due 3 | 10-07 400.00 1 | | |
C09 | 11-27 320.00 | | | | |
C10 | 10-27 1475.00 | | | friendly.1 11-02, friendly.c1 11-06 | |
C10 | 11-18 210.00 | | | | |
C11 | 11-06 760.00 | | | | |
C11 | 11-10 145.20 | | | | |
C12 | 11-07 412.00 | | | | |
C13 | 11-06 195.00 | no_route | | | |
C15 | 10-29 1800.00 | | 11-12 600.00 1 | friendly.1 11-03 | |
C16 | 11-10 3120.00 | | | | | recipient=chantier12@rousselot.example; reference=CH-12
C17 | 11-05 264.00 | | 11-06 264.00 1 returned | | |
C18 | 11-09 508.00 | | | friendly.1 11-13 | |
C19 | 11-10 1330.00 | | | friendly.1 11-13 | |
C20 | 11-10 480.00 | covered_by_credit | | | |
C21 | 11-06 1150.00 | unallocated_money | | | |
C22 | 11-04 128.40 | below_minimum | 11-09 120.00 1 | | |
C23 | 11-13 540.00 | | | friendly.1 11-18 | |
C23 | 11-09 275.00 | gap | | | hold 11-10 11-18 the order number was missing |
C24 | 11-06 330.00 | no_address | | | |
C25 | 11-05 610.00 | address_bounced | | | |
C26 | 10-08 1960.00 | | | friendly.1 10-12, friendly.c1 10-19, firm.1 10-26 deadline=11-03, firm.c1 11-05 | |
C27 | 11-06 890.00 | no_template | | | |
C28 | 11-09 205.00 | reply_unread | | | |
C29 | 11-10 720.00 | in_queue | | friendly.1 11-19 planned | |
C30 | 10-12 1540.00 | waiting_for_approval | | friendly.1 10-15, firm.1 10-27 deadline=11-04, notice.1 11-19 proposed deadline=12-04 | |
C31 | 11-05 980.00 | delivery_unknown | | friendly.1 11-12 unknown | |
C32 | 11-04 365.00 | delivery_failed | | friendly.1 11-10 failed | |
C33 | 11-05 184.00 | legal_wait | | friendly.1 11-12 legal=be-consumer-first | |
C34 | 11-06 99.00 | direct_debit | | | |
C35 | 08-31 4200.00 | insolvent | | | |
C36 | 11-03 740.00 | in_difficulty | | | |
C37 | 10-15 1100.00 | excluded | | | |
C38 | 10-20 5400.00 | bill_or_retention | | | bill 10-20 12-31 accepted bill of exchange |
C38 | 10-25 1350.00 | | | | retention 10-25 2027-10-25 retention money of five per cent |
C38 | 10-30 7900.00 | factored | | | factored 10-02 - assigned to a factor |
C39 | 07-15 2600.00 | ladder_finished | | friendly.1 07-20, firm.1 07-31, firm.c1 08-07, notice.1 08-24 deadline=09-08, handover.1 09-16 | |
C39 | 05-29 3450.00 | handed_over | | friendly.1 06-02, firm.1 06-15, notice.1 07-02 deadline=07-17 | handed_over 09-01 - with the bailiff |
C39 | 2025-01-31 310.00 | written_off | | friendly.1 2025-02-04 | written_off 06-30 - booked as lost |
C39 | 2021-10-29 870.00 | prescribed | | friendly.1 2021-11-03 | |
C39 | 2025-06-16 150.00 | backlog | | | |
C02 | 2025-05-30 64.00 | | | | |
C40 | 09-30 2400.00 | plan_kept | | friendly.1 10-05 | plan 10-12 2027-02-28 six instalments of 400.00 |
C41 | 10-31 1900.00 | promised | | friendly.1 11-04 | promised 11-16 12-01 told us by telephone |
C41 | 10-16 640.00 | disputed | | friendly.1 10-20 | disputed 10-22 - two banners were torn |
C41 | 11-03 220.00 | held | | | hold 11-05 12-15 a credit note is on its way |
C41 | 11-06 455.00 | not_delivered | | | not_delivered 11-06 - posters still at the printer's |
C41 | - 130.00 | no_due_date | | | | issued=10-20
C42 | 11-17 88.00 | too_young | | | | issued=11-16
C42 | 11-06 402.00 | payment_in_transit | 11-18 402.00 1 pending | | |
C42 | 11-05 675.00 | balance_mismatch | | | | own=600.00
C42 | 11-10 515.00 | step_waiting | | friendly.1 11-13, friendly.c1 11-18 | |
C07 | 10-12 260.00 | | | | | state=void
C22 | 10-19 90.00 | | | | | state=draft
C14 | 11-20 233.00 | | | | |
C43 | 11-18 1210.00 | | | | |
C08 | 09-15 300.00, 12-15 300.00, 2027-03-15 300.00 | | 09-16 300.00 1 | | |
"""

# an invoice each that falls due in December or January, two for those named twice
NOT_DUE = (
    "C01 C02 C03 C04 C05 C06 C07 C09 C10 C11 C12 C12 C14 C15 C16 C18 C19 C21 C23 C26 C31 C33 C34 "
    "C38 C39 C40 C42 C43 C43"
)

# customer mark since until because: what is known of a whole customer
MARKS = """
C25 bounced 11-09 - compta@clairval.example
C28 reply 11-17 - asks for a copy of the order
C35 insolvent 09-15 - receivership opened on 15 September
C36 in_difficulty 11-06 - asked for more time; call first
C37 excluded 2025-01-02 - a company of the group
"""

# customer, date, amount, used: credit notes, the last one used up on the customer's first invoice
CREDITS = (
    ("C07", "11-02", "180.00", False),
    ("C20", "11-12", "500.00", False),
    ("C26", "06-30", "75.00", True),
)
# customer, date, amount, reference: money set against nothing
MONEY = (("C21", "11-16", "300.00", "virement sans référence"),)

# customer: days late of its settled invoices, one every month or, of those with ten or more,
# every second month, the last of them due in August
SETTLED = {
    "C01": (1, 0, 4, 2, 0, 3),
    "C02": (5, 9, 3),
    "C03": (18, 24, 12, 30, 21, 26, 19),
    "C04": (4, 11, 6),
    "C05": (0, 6, 2),
    "C06": (8, 14, 5),
    "C07": (2, 7, 3),
    "C08": (10, 6, 12),
    "C09": (38, 44, 35, 52, 41, 47, 36, 40),
    "C10": (15, 9, 13),
    "C11": (3, 5, 8),
    "C12": (0, 2, 1, 0, 2, 1, 0, 3, 1, 0, 0, 2, 0, 1),
    "C14": (0, 0, 1, 1, 2, 0, 1, 0),
    "C15": (12, 20, 16),
    "C16": (2, 1, 0, 3, 2),
    "C18": (7, 4, 9),
    "C19": (6, 11, 8),
    "C21": (5, 2, 6),
    "C23": (14, 10, 17),
    "C26": (21, 25, 28),
    "C31": (0, 2, 1),
    "C34": (0, 0, 0),
    "C36": (2, 0, 3, 1, 4, 2, 0, 3, 12, 15),
    "C39": (9, 16, 33),
    "C42": (3, 1, 6),
    "C43": (12, 9, 15, 8, 11, 14, 10, 12),
}
