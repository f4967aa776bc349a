/**
 * Tables in APA style, in German: titles and notes, sentence by sentence, with stars, numbers and braces as in
 * german-results.ts; then what stands in heads and cells, whole.
 */
export const germanTitlesAndNotes: Record<string, string> = {
  // Titles
  'Differences from the reference persona': 'Unterschiede zur Vergleichspersona',
  'Trait scores by instruction, order of the answers, and repeat':
    'Merkmalswerte nach Fassung, Reihenfolge der Antworten und Wiederholung',
  'Scores by the weight of #': 'Werte nach dem Gewicht von $1',
  'Correlations of the weight of # with the scores': 'Korrelationen des Gewichts von $1 mit den Werten',
  'Correlations of weights with scores over the profiles':
    'Korrelationen der Gewichte mit den Werten über die Profile',
  'Correlations of weights with scores by recipe': 'Korrelationen der Gewichte mit den Werten nach Rezept',
  'Differences between recipes': 'Unterschiede zwischen den Rezepten',
  'Response to adjectives and to vectors': 'Antwort auf Adjektive und auf Vektoren',
  'Levels of adjectives and the weight that does the same':
    'Stufen der Adjektive und das Gewicht, das dasselbe bewirkt',
  'Response to the same vectors by model': 'Antwort auf dieselben Vektoren nach Modell',
  'Tasks solved before and after': 'Gelöste Aufgaben vorher und nachher',
  'What is left of a trait after a second merge': 'Was von einem Merkmal nach einem zweiten Mischen bleibt',
  'Response of scores to weights around zero': 'Antwort der Werte auf die Gewichte um null',
  'Wanted, predicted and measured scores': 'Gewünschte, vorhergesagte und gemessene Werte',
  'Correlations of weights with scores over held-out profiles':
    'Korrelationen der Gewichte mit den Werten über zurückgehaltene Profile',
  'Figures and their differences from the reference': 'Größen und ihre Unterschiede zur Referenz',
  'The words behind the figures': 'Die Wörter hinter den Größen',
  'What the literature expects of the high pole, and what was found':
    'Was die Literatur vom hohen Pol erwartet und was gefunden wurde',
  'Shares of the words by persona': 'Anteile der Wörter nach Persona',
  '*: differences from *': '$1: Unterschiede zu $2',
  'Change for one α of #': 'Änderung je α von $1',
  'Personality vectors': 'Persönlichkeitsvektoren',
  'Common part of the two poles of a trait': 'Gemeinsamer Teil der beiden Pole eines Merkmals',
  'Values of runs done again': 'Werte wiederholter Läufe',

  // Notes
  '{k} = number of items; scores can range from 1 to #; {SD} is over items.':
    '{k} = Zahl der Items; Werte liegen zwischen 1 und $1; {SD} ist über die Items.',
  '#% of the probability fell on valid answers.': '$1 % der Wahrscheinlichkeit fielen auf gültige Antworten.',
  '# answers were drawn, # of them without a readable rating.':
    'Gezogen wurden $1 Antworten, davon $2 ohne lesbare Bewertung.',
  'On no item as much as half of it did, so the ratings say little.':
    'Bei keinem Item war es auch nur die Hälfte; die Bewertungen sagen daher wenig.',
  'On one item less than half of it did, so its rating says little (item #).':
    'Bei einem Item war es weniger als die Hälfte; seine Bewertung sagt daher wenig (Item $1).',
  'On # items less than half of it did, so their ratings say little (items *).':
    'Bei $1 Items war es weniger als die Hälfte; ihre Bewertungen sagen daher wenig (Items $2).',
  '{SD} of forms is over instructions and orders.': '{SD} der Formen ist über Fassungen und Reihenfolgen.',
  'The cases stand for persons in α; being of one persona they hardly vary in truth, so α says little about the scale.':
    'Die Fälle stehen in α für Personen; da sie von einer Persona sind, unterscheiden sie sich kaum wirklich, und α sagt wenig über die Skala.',
  'A dash under α means that it is undefined: *.':
    'Ein Strich unter α heißt, dass es nicht bestimmt ist: $1.',
  'A dash under {M} means no score: fewer than two thirds of the items have an answer.':
    'Ein Strich unter {M} heißt: kein Wert, weil weniger als zwei Drittel der Items eine Antwort haben.',
  'The difference is persona minus reference, paired over the items of a scale, with the paired {t} test.':
    'Der Unterschied ist Persona minus Vergleichspersona, gepaart über die Items einer Skala, mit dem gepaarten {t}-Test.',
  '{p_adj} is adjusted after Benjamini and Hochberg (1995) over the traits, and over the facets.':
    '{p_adj} ist nach Benjamini und Hochberg (1995) korrigiert, über die Merkmale und über die Facetten.',
  '{d_z} is the mean difference over the standard deviation of the differences between items, with the interval of the noncentral {t}; it says how uniformly items moved and is no effect over persons.':
    '{d_z} ist der mittlere Unterschied durch die Standardabweichung der Unterschiede der Items, mit dem Intervall der nichtzentralen {t}-Verteilung; es sagt, wie gleichmäßig sich die Items bewegten, und ist kein Effekt über Personen.',
  'A dash means that the statistic is undefined: the differences do not vary, or fewer than two items were answered by both.':
    'Ein Strich heißt, dass die Größe nicht bestimmt ist: Die Unterschiede sind alle gleich, oder weniger als zwei Items wurden von beiden beantwortet.',
  'Missing = items without a readable answer.': 'Fehlend = Items ohne lesbare Antwort.',
  'α is the weight of the personality vector of #.': 'α ist das Gewicht des Persönlichkeitsvektors von $1.',
  'Scores can range from 1 to #.': 'Werte liegen zwischen 1 und $1.',
  '{n} = points with a score.': '{n} = Punkte mit einem Wert.',
  '{p_adj} is adjusted over the rows after Benjamini and Hochberg (1995).':
    '{p_adj} ist nach Benjamini und Hochberg (1995) über die Zeilen korrigiert.',
  'A dash means undefined: for *.': 'Ein Strich heißt, dass der Wert nicht bestimmt ist: $1.',
  'Each row correlates α of a trait with the score of the same trait.':
    'Jede Zeile korreliert das α eines Merkmals mit dem Wert desselben Merkmals.',
  '{p_adj} is adjusted over the traits after Benjamini and Hochberg (1995); {r_s} is Spearman’s.':
    '{p_adj} ist nach Benjamini und Hochberg (1995) über die Merkmale korrigiert; {r_s} ist Spearmans.',
  '{p_adj} is adjusted over the traits after Benjamini and Hochberg (1995); {r_s} is Spearman’s; ICC(A,1) is the test–retest agreement between wordings.':
    '{p_adj} ist nach Benjamini und Hochberg (1995) über die Merkmale korrigiert; {r_s} ist Spearmans; ICC(A,1) ist die Retest-Übereinstimmung der Fassungen.',
  'A perfect correlation has no interval.': 'Eine vollkommene Korrelation hat kein Intervall.',
  '{M_r} is the mean of the five correlations.': '{M_r} ist das Mittel der fünf Korrelationen.',
  '{M_r} is the mean of the five correlations; {n} = # profiles that had no part in the tuning.':
    '{M_r} ist das Mittel der fünf Korrelationen; {n} = $1 Profile, die am Abstimmen nicht beteiligt waren.',
  'A dash means that the value is undefined.': 'Ein Strich heißt, dass der Wert nicht bestimmt ist.',
  'Of the mean correlation.': 'Der mittleren Korrelation.',
  'Slopes are points of the trait’s score for one level of adjectives, or for one α.':
    'Steigungen sind Punkte des Merkmalswerts für eine Stufe der Adjektive oder ein α.',
  '{M} is the mean of the trait’s score over adjectives.':
    '{M} ist das Mittel des Merkmalswerts über die Adjektive.',
  'The shift of other traits is the mean absolute shift from the base.':
    'Die Verschiebung anderer Merkmale ist die mittlere absolute Verschiebung gegenüber der Basis.',
  'A dash under equivalent α means that no α that was assessed gives that score.':
    'Ein Strich unter dem gleichwertigen α heißt, dass kein gemessenes α diesen Wert ergibt.',
  'Slopes are points of the score for one α.': 'Steigungen sind Punkte des Werts je α.',
  'The ratio is to the slope on the first model.':
    'Das Verhältnis ist das zur Steigung auf dem ersten Modell.',
  'Gained = right after and not before; lost = the other way round.':
    'Gewonnen = nachher richtig und vorher nicht; verloren = umgekehrt.',
  '{p} is McNemar’s, exact.': '{p} ist aus McNemars exaktem Test.',
  'Intervals are in percentage points.': 'Intervalle sind in Prozentpunkten.',
  'Shifts are points of the score from the base.':
    'Verschiebungen sind Punkte des Werts gegenüber der Basis.',
  'A dash under kept means that there was hardly a shift to keep; elsewhere, that the value is undefined.':
    'Ein Strich unter „Behalten“ heißt, dass es kaum eine Verschiebung zu behalten gab; sonst, dass der Wert nicht bestimmt ist.',
  'Points of the score for one α, central differences between both poles; standard errors in brackets.':
    'Punkte des Werts je α, zentrale Differenzen zwischen beiden Polen; Standardfehler in Klammern.',
  'Points of the score for one α, central differences between both poles; standard errors in brackets (a dash: the design leaves no degrees of freedom).':
    'Punkte des Werts je α, zentrale Differenzen zwischen beiden Polen; Standardfehler in Klammern (ein Strich: Der Plan lässt keine Freiheitsgrade).',
  'Base = fitted score with all α at 0.': 'Basis = angepasster Wert mit allen α bei 0.',
  'PI = prediction interval.': 'VI = Vorhersageintervall.',
  'A dash under wanted means that the profile does not name the trait.':
    'Ein Strich unter „Gewünscht“ heißt, dass das Profil das Merkmal nicht nennt.',
  'Shares in per cent of the words; words and words per sentence are counts; sentiment runs from −1 to 1.':
    'Anteile in Prozent der Wörter; Wörter und Wörter je Satz sind Anzahlen; die Stimmung geht von −1 bis 1.',
  'The clearest # figures at most; the data have all.':
    'Höchstens die $1 deutlichsten Größen; alle stehen in den Daten.',
  'A dash means undefined, because nothing varies.':
    'Ein Strich heißt: nicht bestimmt, weil nichts variiert.',
  'The largest # at most; the data have all.': 'Höchstens die $1 größten; alle stehen in den Daten.',
  'A dash means that the texts do not vary.': 'Ein Strich heißt, dass die Texte sich nicht unterscheiden.',
  'The most frequent words of each category, # at most, with how often they stand; a dash: none.':
    'Die häufigsten Wörter jeder Kategorie, höchstens $1, und wie oft sie vorkommen; ein Strich: keine.',
  'The clearest # categories at most; the data have all words.':
    'Höchstens die $1 deutlichsten Kategorien; alle Wörter stehen in den Daten.',
  'The figures that change most clearly with the turn.':
    'Die Größen, die sich am deutlichsten mit der Frage ändern.',
  'Answers of a turn are taken as one; shares are in per cent of their words.':
    'Antworten auf eine Frage gelten als eine; Anteile sind in Prozent ihrer Wörter.',
  'The first # turns at most; the data have all.':
    'Höchstens die ersten $1 Fragen; alle stehen in den Daten.',
  'Per cent of all words of a persona’s descriptions.':
    'Prozent aller Wörter der Beschreibungen einer Persona.',
  'The # categories that differ most, at most; the data have all.':
    'Höchstens die $1 Kategorien, die sich am meisten unterscheiden; alle stehen in den Daten.',
  'Over # descriptions.': 'Über $1 Beschreibungen.',
  'Shares in per cent of the words.': 'Anteile in Prozent der Wörter.',
  'A dash means undefined: the pictures do not vary, or there is one alone.':
    'Ein Strich heißt: nicht bestimmt, weil die Bilder sich nicht unterscheiden oder es nur eines ist.',
  '‖φ‖ is the Frobenius norm over all weights.': '‖φ‖ ist die Frobenius-Norm über alle Gewichte.',
  'Effective rank is the participation ratio of the squared singular values, sparsity Hoyer’s (0 = all entries of one size, 1 = a single entry).':
    'Der effektive Rang ist das Partizipationsverhältnis der quadrierten Singulärwerte, die Sparsamkeit die von Hoyer (0 = alle Einträge gleich groß, 1 = ein einziger Eintrag).',
  'A dash means that it was not looked at, or is undefined for a vector of zeros.':
    'Ein Strich heißt: nicht betrachtet, oder bei einem Vektor aus Nullen nicht bestimmt.',
  'Share of what both poles have in common in the whole: 0 = opposite, .50 = orthogonal, 1 = the same.':
    'Anteil des Gemeinsamen beider Pole am Ganzen: 0 = entgegengesetzt, 0,50 = orthogonal, 1 = gleich.',
  'The same = equal to the last digit.': 'Gleich = bis zur letzten Ziffer.',
  'A dash means that nothing compared is a number.':
    'Ein Strich heißt, dass keiner der verglichenen Werte eine Zahl ist.',
  'Values as the run’s result names them; a dash means undefined or absent.':
    'Werte, wie das Ergebnis des Laufs sie nennt; ein Strich heißt: nicht bestimmt oder nicht vorhanden.',
};

/** Heads of columns; and the studio’s own words in cells. */
export const germanCells: Record<string, string> = {
  Scale: 'Skala',
  '{M} of reference': '{M} der Vergleichspersona',
  '{M} difference': '{M} des Unterschieds',
  '95% CI': '95-%-KI',
  '95% PI': '95-%-VI',
  'Cronbach’s α': 'Cronbachs α',
  '{SD} of forms': '{SD} der Formen',
  Instruction: 'Fassung',
  Order: 'Reihenfolge',
  Repeat: 'Wiederholung',
  Missing: 'Fehlend',
  normal: 'wie gedruckt',
  reversed: 'umgekehrt',
  Trait: 'Merkmal',
  Recipe: 'Rezept',
  First: 'Erstes',
  Second: 'Zweites',
  'Second − first': 'Zweites − erstes',
  'Slope, adjectives': 'Steigung, Adjektive',
  'Slope, vector': 'Steigung, Vektor',
  Level: 'Stufe',
  'Shift of other traits': 'Verschiebung anderer Merkmale',
  'Equivalent α': 'Gleichwertiges α',
  Model: 'Modell',
  Slope: 'Steigung',
  Ratio: 'Verhältnis',
  Tasks: 'Aufgaben',
  Before: 'Vorher',
  After: 'Nachher',
  Difference: 'Unterschied',
  Gained: 'Gewonnen',
  Lost: 'Verloren',
  Arithmetic: 'Rechnen',
  'Following instructions': 'Anweisungen befolgen',
  'Second merge': 'Zweites Mischen',
  'Shift before': 'Verschiebung vorher',
  'Shift after': 'Verschiebung nachher',
  Kept: 'Behalten',
  Base: 'Basis',
  Wanted: 'Gewünscht',
  Predicted: 'Vorhergesagt',
  Measured: 'Gemessen',
  Figure: 'Größe',
  Texts: 'Texte',
  Reference: 'Referenz',
  'Log-odds ratio': 'Log-Odds-Verhältnis',
  'Corrected {p}': 'Korrigiertes {p}',
  Category: 'Kategorie',
  'Most frequent words': 'Häufigste Wörter',
  Expected: 'Erwartet',
  more: 'mehr',
  less: 'weniger',
  'Correlation in people': 'Korrelation bei Menschen',
  small: 'klein',
  'small to moderate, among the strongest': 'klein bis mittel, unter den stärksten',
  'small; about .10 over many laboratories': 'klein; etwa 0,10 über viele Labore',
  'small; below .10 over all studies': 'klein; unter 0,10 über alle Studien',
  Found: 'Gefunden',
  'as expected': 'wie erwartet',
  opposite: 'entgegengesetzt',
  'not clear': 'nicht deutlich',
  Answers: 'Antworten',
  'Change, ρ': 'Änderung, ρ',
  Change: 'Änderung',
  Pictures: 'Bilder',
  Vector: 'Vektor',
  Form: 'Form',
  dense: 'dicht',
  'low-rank': 'niedriger Rang',
  'Effective rank': 'Effektiver Rang',
  Sparsity: 'Sparsamkeit',
  Zeros: 'Nullen',
  All: 'Alle',
  Run: 'Lauf',
  Kind: 'Art',
  Values: 'Werte',
  'The same': 'Gleich',
  'Beyond the tolerance': 'Jenseits der Toleranz',
  'Largest difference': 'Größter Unterschied',
};

/** Facets of the IPIP-NEO-120. */
export const germanFacets: Record<string, string> = {
  anxiety: 'Ängstlichkeit',
  anger: 'Reizbarkeit',
  depression: 'Niedergeschlagenheit',
  'self-consciousness': 'Befangenheit',
  immoderation: 'Maßlosigkeit',
  vulnerability: 'Verletzlichkeit',
  friendliness: 'Freundlichkeit',
  gregariousness: 'Geselligkeit',
  assertiveness: 'Durchsetzungsvermögen',
  'activity level': 'Aktivität',
  'excitement-seeking': 'Erlebnishunger',
  cheerfulness: 'Fröhlichkeit',
  imagination: 'Fantasie',
  'artistic interests': 'Künstlerische Interessen',
  emotionality: 'Emotionalität',
  adventurousness: 'Abenteuerlust',
  intellect: 'Intellekt',
  liberalism: 'Liberalismus',
  trust: 'Vertrauen',
  morality: 'Moral',
  altruism: 'Altruismus',
  cooperation: 'Kooperation',
  modesty: 'Bescheidenheit',
  sympathy: 'Mitgefühl',
  'self-efficacy': 'Selbstwirksamkeit',
  orderliness: 'Ordnungsliebe',
  dutifulness: 'Pflichtbewusstsein',
  'achievement-striving': 'Leistungsstreben',
  'self-discipline': 'Selbstdisziplin',
  cautiousness: 'Besonnenheit',
};
