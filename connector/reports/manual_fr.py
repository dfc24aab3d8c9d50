"""The sentences of the manual in French."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "title": "Comment nous relançons nos clients : la politique {name}",
    "intro": "Ce manuel dit ce qui arrive à une facture impayée, quand, et qui fait quoi. Il est "
    "tiré de la politique elle-même : quand elle change, imprimez-le de nouveau.",
    "country": "Le pays est : {country}. Ses jours ouvrés et fériés comptent, et ceux du pays du "
    "client.",
    "no_holidays": "Le pays est : {country}. Il n'est pas tenu compte des jours fériés : un "
    "message peut partir l'un de ces jours.",
    "region": "{country} (région {region})",
    "regime": "Les intérêts et les frais suivent les règles « {regime} ».",
    "regime_of_country": "Les intérêts et les frais suivent la loi de ce pays.",
    "contract": "Nos contrats fixent les intérêts de retard à {rate} par an.",
    "contract.none": "Nos contrats ne fixent pas de taux d'intérêt : celui de la loi compte.",
    "also": " ; ",
    "or_else": " ; ou ",
    "quoted": "« {text} »",
    "days": "{count} jour|{count} jours",
    "business days": "{count} jour ouvré|{count} jours ouvrés",
    "hours": "{count} heure|{count} heures",
    "messages": "{count} message|{count} messages",
    "steps.title": "Ce qui se passe, et quand",
    "steps.lead": "Les étapes se suivent. Une étape ne revient jamais pour la même facture, sauf "
    "si cela est dit plus bas, et jamais une plus douce après une plus ferme.",
    "steps.head": "étape|quoi|quand|part|texte",
    "step.title": "{place}. {what} (`{name}`)",
    "stage.before_due": "Rappel de courtoisie avant l'échéance",
    "stage.friendly": "Relance amiable",
    "stage.firm": "Relance ferme",
    "stage.notice": "Mise en demeure",
    "stage.handover": "Remise à une agence de recouvrement, un commissaire de justice ou un avocat",
    "beside.call": "Appel téléphonique",
    "beside.note": "Note dans le logiciel de comptabilité",
    "beside.visit": "Visite chez le client",
    "beside.task": "Tâche pour un collègue",
    "after.before_due": "avant l'échéance",
    "after.friendly": "après la relance amiable",
    "after.firm": "après la relance ferme",
    "after.notice": "après la mise en demeure",
    "after.handover": "lors de la remise",
    "by.email": "par courriel",
    "by.letter": "par lettre",
    "by.call": "par téléphone",
    "by.note": "sous forme de note dans le logiciel de comptabilité",
    "by.visit": "par une visite",
    "by.task": "sous forme de tâche pour un collègue",
    "when.before due": "{count} avant l'échéance",
    "when.after due": "{count} après l'échéance",
    "when.message": "{count} après le message précédent",
    "when.deadline": "{count} après le délai que fixe le message précédent",
    "goes.alone": "d'elle-même",
    "goes.approved": "après accord",
    "goes.approved_long": "Elle attend qu'une personne l'ait approuvée.",
    "goes.alone_long": "Elle part d'elle-même.",
    "goes.unasked": "sans accord",
    "goes.unasked_long": "Elle ne demande pas d'accord.",
    "done.call": "Quelqu'un appelle le client et note ce qui a été dit "
    "(`relance call FACTURE --said …`).",
    "done.note": "Quelqu'un lit la note et fait ce qu'elle demande.",
    "done.visit": "Quelqu'un rend visite au client et note ce qu'il en est sorti.",
    "done.task": "Quelqu'un fait la tâche et note ce qu'il en est sorti.",
    "done.letter": "Imprimez et signez la lettre, postez-la, et dites-le "
    "(`relance letters --posted`) : elle ne compte et son délai ne court qu'à partir de là.",
    "done.handover": "Un collègue réunit le dossier et le transmet ; marquez ensuite la facture "
    "(`relance mark FACTURE handed_over`). Rien n'est remis sans une mise en demeure préalable.",
    "text": "Son texte est `{text}`.",
    "deadline": "Elle fixe un délai : {count} après le jour de son départ.",
    "copy": "Une copie part par courriel une fois la lettre postée.",
    "interest.off": "Elle ne parle pas d'intérêts.",
    "interest.mention": "Elle mentionne les intérêts de retard sans les réclamer.",
    "interest.claim": "Elle réclame les intérêts de retard.",
    "charges.off": "Elle ne parle pas de frais de recouvrement.",
    "charges.mention": "Elle mentionne l'indemnité forfaitaire de recouvrement sans la réclamer.",
    "charges.claim": "Elle réclame l'indemnité forfaitaire de recouvrement.",
    "only": "Elle ne vaut que dans certains cas : {conditions}.",
    "only.behaviour": "les clients de ce profil : {behaviours}",
    "only.minimum": "les échéances d'au moins {amounts}",
    "repeat": "Elle est renvoyée tous les {every}, {times} fois en tout au plus, tant qu'aucune "
    "étape plus ferme n'est due.",
    "until": "Elle ne part plus une fois passés {count} depuis l'échéance.",
    "lapses": "Elle tombe deux jours avant l'échéance : manquée, elle n'est pas rattrapée.",
    "legal": "Elle répond à une obligation légale : {duty}.",
    "legal.be-consumer-first": "en Belgique, le premier rappel d'un consommateur est gratuit, et "
    "quatorze jours doivent passer avant tout supplément (`be-consumer-first`)",
    "legal.nl-14-day-letter": "aux Pays-Bas, un consommateur a quatorze jours après la lettre "
    "avant que des frais puissent être demandés (`nl-14-day-letter`)",
    "terms": "Nos conditions de paiement, telles que les messages les citent au client avec qui "
    "rien d'autre n'est convenu : {text}",
    "legal.uk-letter-of-claim": "au Royaume-Uni, un particulier a trente jours après la lettre "
    "de réclamation avant le tribunal ; joindre les trois formulaires du protocole "
    "(`uk-letter-of-claim`)",
    "timing.title": "Quand partent les messages",
    "grace": "Rien n'est dit avant {count} après l'échéance, car l'argent peut être en route. Si "
    "le jour propre à l'étape est plus tardif, c'est lui qui compte.",
    "grace.none": "Aucun jour de grâce n'est laissé après l'échéance.",
    "min_age": "Une facture émise ou envoyée il y a moins de {count} est laissée en paix.",
    "min_age.none": "Une facture peut être relancée dès son émission.",
    "gap": "Au moins {count} séparent deux messages {whom}.",
    "gap.customer": "au même client",
    "gap.invoice": "au sujet de la même facture",
    "group.customer": "Ce que doit un client est réuni en un seul message ; l'étape la plus ferme "
    "de ses factures donne le ton.",
    "group.invoice": "Chaque facture a son propre message.",
    "minimum": "On n'écrit à personne pour moins de {amounts}.",
    "minimum.none": "Il n'y a pas de montant minimal : même un centime est relancé.",
    "window": "Les messages partent {windows}, à l'heure de l'entreprise.",
    "window.one": "{days} de {start} à {until}",
    "window.days": "du {first} au {last}",
    "window.none": "Les messages partent à toute heure, du lundi au vendredi.",
    "quiet": "Du {start} au {until} : relances fermes, mises en demeure, remises et appels "
    "attendent.",
    "quiet.all": "Du {start} au {until} : rien ne part.",
    "quiet.none": "Aucune période de l'année n'est calme.",
    "cap": "Au plus {day} partent en un jour ; {first} pendant chacun des sept premiers jours "
    "après l'installation.",
    "missing.warn": "Si la copie d'une facture est introuvable, le message part sans elle, et nous "
    "en sommes avertis.",
    "missing.stop": "Si la copie d'une facture est introuvable, le message ne part pas.",
    "fresh": "Si ce que nous savons des paiements a plus de {count}, rien ne part.",
    "backlog": "Les factures qui avaient déjà plus de {count} de retard à l'arrivée de Relance "
    "sont laissées aux personnes.",
    "who.title": "Qui fait quoi",
    "who.books": "**La comptabilité** saisit paiements et avoirs avant le passage quotidien : ce "
    "qui n'est pas saisi est relancé.",
    "who.review": "**Qui approuve** lit les propositions chaque jour ouvré (`relance review`), et "
    "approuve, reformule ou rejette chacune ; un rejet demande une raison.",
    "who.review_all": "Pour l'instant chaque message attend un accord, quelle que soit son étape.",
    "who.approve": "Ces étapes attendent toujours un accord : {steps}.",
    "who.approve.none": "Aucune étape ne demande d'accord.",
    "who.customers": "Pour les clients de ce profil, chaque courriel et chaque lettre attend un "
    "accord : {behaviours}.",
    "who.customers.none": "Aucun profil de client ne fait approuver tous ses messages.",
    "who.strategic": "Sont stratégiques ceux qui portent cette étiquette ou cette marque, et les "
    "plus grands clients par chiffre d'affaires des douze derniers mois, à hauteur de {share}.",
    "who.strategic.none": "Ne sont stratégiques que ceux qui portent cette étiquette ou cette "
    "marque.",
    "who.calls": "**Qui téléphone** prend les appels du jour : {steps}.",
    "who.letters": "**Le courrier** prend les lettres : {steps}.",
    "who.handover": "**La direction** décide de chaque remise : {steps}.",
    "who.decisions": "**Qui parle au client** note aussitôt ce qui est convenu : une promesse, un "
    "litige, un échéancier, une suspension (`relance mark`). Chaque décision a un auteur, une "
    "raison et une fin.",
    "who.supply": "**Les ventes** ne livrent plus rien à un mauvais payeur en retard (retards "
    "habituels, prélèvement revenu impayé, deux promesses non tenues en douze mois) avant un "
    "nouvel accord ; la décision est marquée (`relance mark CLIENT supply_stop`).",
    "who.exceptions": "Les règles sont les mêmes pour tous. Qui s'en écarte marque la facture ou "
    "le client avec une raison : pas d'exception sans elle.",
    "behaviour.new": "nouveau",
    "behaviour.loyal": "fidèle",
    "behaviour.strategic": "stratégique",
    "behaviour.late": "habituellement en retard",
    "behaviour.occasional": "parfois en retard",
    "behaviour.changed": "soudain plus lent que d'habitude",
    "segments.title": "Quels clients sont traités autrement",
    "segments.lead": "Une politique choisie pour une facture passe avant celle choisie pour son "
    "client, celle-ci avant un segment, et un segment avant celle de l'entreprise. Le premier "
    "segment qui convient l'emporte.",
    "segments.none": "Il n'y a pas de segment : tous les clients ont cette politique, sauf si une "
    "autre a été choisie pour une facture ou un client.",
    "segment": "**{name}** : {conditions}. Leur politique est `{use}`.",
    "match.tags": "étiquette {values}",
    "match.kind": "{values}",
    "match.language": "langue : {values}",
    "match.country": "pays : {values}",
    "match.currency": "dettes en {values}",
    "match.behaviour": "profil : {values}",
    "match.exposure_over": "plus de {values} dus en tout",
    "kind.business": "entreprises",
    "kind.consumer": "consommateurs",
    "kind.public": "organismes publics",
    "other.title": "Les étapes de la politique {name}",
    "silent.title": "Ce qui fait taire une facture",
    "silent.lead": "Si l'un de ces cas se présente, rien ne part au sujet de la facture ; "
    "`relance why` dit lequel, et jusqu'à quand.",
    "silent.head": "code|rien ne part tant que",
    "silent.not_due": "l'échéance n'est pas passée",
    "silent.no_due_date": "elle n'a pas d'échéance : saisissez-en une",
    "silent.too_young": "elle n'a été émise ou envoyée que depuis quelques jours",
    "silent.not_delivered": "elle est marquée comme non livrée",
    "silent.step_waiting": "sa prochaine étape n'est pas encore due",
    "silent.ladder_finished": "il ne reste aucune étape, ou aucune mise en demeure n'a précédé la "
    "remise : décidez de la suite",
    "silent.held": "quelqu'un, ou le logiciel de comptabilité, la suspend",
    "silent.excluded": "elle, ou son client, est exclue",
    "silent.disputed": "elle est contestée : réglez le litige ; d'un litige partiel, le reste est "
    "réclamé",
    "silent.promised": "une promesse de paiement court, et deux jours ouvrés au-delà",
    "silent.plan_kept": "un échéancier est respecté",
    "silent.insolvent": "son client est insolvable : déclarez la créance",
    "silent.handed_over": "elle a été remise à une agence, un commissaire de justice ou un avocat",
    "silent.written_off": "elle a été passée en perte",
    "silent.prescribed": "elle est prescrite, ou le sera dans moins de soixante jours : voyez un "
    "avocat",
    "silent.bill_or_retention": "une lettre de change court, ou c'est une retenue de garantie",
    "silent.factored": "elle a été cédée à un factor",
    "silent.in_difficulty": "son client est en difficulté : une personne lui parle",
    "silent.payment_in_transit": "un paiement est en route, jusqu'à cinq jours ouvrés",
    "silent.direct_debit": "son client paie par prélèvement et aucun n'est revenu",
    "silent.legal_wait": "un délai que donne la loi court encore",
    "silent.backlog": "elle était déjà très ancienne à l'arrivée de Relance : décidez de la suite",
    "silent.in_queue": "son message est prêt et n'est pas encore parti",
    "silent.waiting_for_approval": "son message reformulé attend un accord",
    "silent.delivery_unknown": "nul ne sait si son message est parti : renseignez-vous "
    "(`relance outbox`)",
    "silent.delivery_failed": "son message a été refusé pour de bon : corrigez la cause "
    "(`relance outbox`)",
    "silent.balance_mismatch": "des chiffres du logiciel de comptabilité se contredisent : "
    "corrigez-les",
    "silent.covered_by_credit": "des avoirs la couvrent",
    "silent.unallocated_money": "de l'argent reçu n'est rattaché à rien et peut être le paiement : "
    "rattachez-le",
    "silent.below_minimum": "la somme due est trop faible pour écrire",
    "silent.gap": "on vient d'écrire à son client",
    "silent.no_address": "il n'y a personne à qui écrire : saisissez une adresse",
    "silent.address_bounced": "le courrier à cette adresse est revenu : corrigez-la",
    "silent.no_route": "rien ne peut porter un message par ce canal, ou à cette adresse",
    "silent.no_template": "il n'y a pas de texte dans la langue du client : écrivez-en un",
    "silent.reply_unread": "le client a répondu et personne ne l'a lu : lisez-le",
    "silent.stale_data": "les paiements ne sont pas connus d'assez fraîche date",
    "silent.closed_day": "ce n'est pas un jour ouvré, ici ou chez le client",
    "silent.quiet_period": "une période calme court",
    "silent.cap_reached": "assez de messages sont partis aujourd'hui",
    "silent.native_reminders": "le logiciel de comptabilité envoie ses propres relances : "
    "désactivez-les",
}
