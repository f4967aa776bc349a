/**
 * What is told of experiments and readouts, in German; stars and numbers as in german-studio.ts. Statistics stand in
 * braces, with their index after a line: {p}, {d_z}.
 */
export const germanResults: Record<string, string> = {
  // Assessment
  'Scores were *, with the standard deviation taken over items.':
    'Die Werte waren $1; die Standardabweichung ist über die Items.',
  'Only #% of the drawn answers held a rating, so the scores say little.':
    'Nur $1 % der gezogenen Antworten enthielten eine Bewertung; die Werte sagen daher wenig.',
  'Only #% of the probability fell on valid answers: the model hardly answers with a rating, and the scores say little.':
    'Nur $1 % der Wahrscheinlichkeit fielen auf gültige Antworten: Das Modell antwortet kaum mit einer Bewertung, und die Werte sagen wenig.',
  'In reversed order of the answers the scores lie on the other side of the middle of the scale: the model goes by the numbers of the answers and not by their labels, and means over both orders say little.':
    'In umgekehrter Reihenfolge der Antworten liegen die Werte auf der anderen Seite der Skalenmitte: Das Modell richtet sich nach den Zahlen der Antworten und nicht nach deren Wortlaut, und Mittel über beide Reihenfolgen sagen wenig.',
  'There is no score for *: fewer than two thirds of the items have a readable answer.':
    'Für $1 gibt es keinen Wert: Weniger als zwei Drittel der Items haben eine lesbare Antwort.',
  'For # there is no difference to report: no item was answered by both personas.':
    'Für $1 gibt es keinen Unterschied zu berichten: Kein Item wurde von beiden Personas beantwortet.',
  'The difference in # between the persona and the reference persona was *, and {t} and {d_z} are undefined, because the difference is the same for every item.':
    'Der Unterschied in $1 zwischen der Persona und der Vergleichspersona war $2; {t} und {d_z} sind nicht bestimmt, weil der Unterschied bei jedem Item derselbe ist.',
  'The difference in # between the persona and the reference persona was *.':
    'Der Unterschied in $1 zwischen der Persona und der Vergleichspersona war $2.',
  'Cronbach’s α of # over the cases is undefined: *.':
    'Cronbachs α von $1 über die Fälle ist nicht bestimmt: $2.',
  'Over # cases of the administration, Cronbach’s α was *.':
    'Über $1 Fälle der Durchführung war Cronbachs α $2.',
  'Cronbach’s α is undefined: one administration to one persona is a single case, and α needs two.':
    'Cronbachs α ist nicht bestimmt: Eine Durchführung mit einer Persona ist ein einziger Fall, und α braucht zwei.',
  'Test–retest agreement between the # wordings is undefined: *.':
    'Die Retest-Übereinstimmung zwischen den $1 Fassungen ist nicht bestimmt: $2.',
  'Between the # wordings of the instruction, test–retest agreement of the # items was *.':
    'Zwischen den $1 Fassungen der Anweisung war die Retest-Übereinstimmung der $2 Items $3.',
  'all cases have the same score, so alpha is undefined': 'Alle Fälle haben denselben Wert',
  'all values are the same, so agreement is undefined': 'Alle Werte sind gleich',
  'α needs at least 2 cases, and there is 1': 'α braucht mindestens zwei Fälle, und es gibt einen',
  'α needs at least 2 cases, and there are none': 'α braucht mindestens zwei Fälle, und es gibt keinen',
  'α needs at least 2 items': 'α braucht mindestens zwei Items',
  'Cronbach’s α (Cronbach, 1951) is over the cases, with the interval of Feldt (1965).':
    'Cronbachs α (Cronbach, 1951) ist über die Fälle, mit dem Intervall von Feldt (1965).',
  'Test–retest agreement is the intraclass correlation of absolute agreement of single wordings over the items’ ratings as answered, ICC(A,1), with the interval of McGraw and Wong (1996).':
    'Die Retest-Übereinstimmung ist die Intraklassenkorrelation der absoluten Übereinstimmung einzelner Fassungen über die Bewertungen der Items, wie sie gegeben wurden, ICC(A,1), mit dem Intervall von McGraw und Wong (1996).',
  'Differences were tested by paired {t} tests over items, with {d_z} and its interval from the noncentral {t} distribution (Goulet-Pelletier & Cousineau, 2018); {p} values were adjusted after Benjamini and Hochberg (1995).':
    'Unterschiede wurden mit gepaarten {t}-Tests über die Items geprüft, mit {d_z} und seinem Intervall aus der nichtzentralen {t}-Verteilung (Goulet-Pelletier & Cousineau, 2018); die {p}-Werte sind nach Benjamini und Hochberg (1995) korrigiert.',
  'Scores on the *': 'Werte im $1',
  'Filled circles: the persona. Open circles: the reference persona.':
    'Volle Kreise: die Persona. Offene Kreise: die Vergleichspersona.',
  'Lines reach one standard deviation of the items to both sides.':
    'Linien reichen nach beiden Seiten eine Standardabweichung der Items weit.',
  'reference persona': 'Vergleichspersona',

  // Sweep, profiles
  'The correlation between the weight of # (α) and the # score is undefined: *.':
    'Die Korrelation zwischen dem Gewicht von $1 (α) und dem Wert in $2 ist nicht bestimmt: $3.',
  'The correlation between the weight of # (α) and the # score was *.':
    'Die Korrelation zwischen dem Gewicht von $1 (α) und dem Wert in $2 war $3.',
  'Spearman’s rank correlation was *.': 'Spearmans Rangkorrelation war $1.',
  'There is no interval: it takes four points.': 'Es gibt kein Intervall: Dafür braucht es vier Punkte.',
  'There is no interval: the points lie on a line without error.':
    'Es gibt kein Intervall: Die Punkte liegen ohne Fehler auf einer Geraden.',
  'There is no interval: *.': 'Es gibt kein Intervall: $1.',
  'there is no pair of values, and it takes three': 'Es gibt kein Wertepaar, und es braucht drei',
  'there is one pair of values, and it takes three': 'Es gibt ein Wertepaar, und es braucht drei',
  'there are two pairs of values, and it takes three': 'Es gibt zwei Wertepaare, und es braucht drei',
  'α is the same at every point': 'α ist an jedem Punkt gleich',
  'the scores are the same at every point': 'Die Werte sind an jedem Punkt gleich',
  'no reason is in the log': 'Im Protokoll steht kein Grund',
  'The mean correlation over the five traits is undefined, because one of the five is.':
    'Die mittlere Korrelation über die fünf Merkmale ist nicht bestimmt, weil eine der fünf es nicht ist.',
  'The mean of the five correlations was *.': 'Das Mittel der fünf Korrelationen war $1.',
  'Pearson’s correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921) and two-sided {p} values from {t}; Spearman’s have the interval of Bonett and Wright (2000).':
    'Korrelationen nach Pearson haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921) und zweiseitige {p}-Werte aus {t}, die nach Spearman das Intervall von Bonett und Wright (2000).',
  'Pearson’s correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921) and two-sided {p} values from {t}; Spearman’s have the interval of Bonett and Wright (2000). Correlations with the other scales are reported beside that with #, their {p} values adjusted after Benjamini and Hochberg (1995).':
    'Korrelationen nach Pearson haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921) und zweiseitige {p}-Werte aus {t}, die nach Spearman das Intervall von Bonett und Wright (2000). Neben der Korrelation mit $1 stehen die mit den anderen Skalen, ihre {p}-Werte korrigiert nach Benjamini und Hochberg (1995).',
  'Pearson’s correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921) and two-sided {p} values from {t}; Spearman’s have the interval of Bonett and Wright (2000). {p} values were adjusted over the five traits after Benjamini and Hochberg (1995). Cronbach’s α (Cronbach, 1951) is over the profiles, with the interval of Feldt (1965).':
    'Korrelationen nach Pearson haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921) und zweiseitige {p}-Werte aus {t}, die nach Spearman das Intervall von Bonett und Wright (2000). Die {p}-Werte sind über die fünf Merkmale nach Benjamini und Hochberg (1995) korrigiert. Cronbachs α (Cronbach, 1951) ist über die Profile, mit dem Intervall von Feldt (1965).',
  'Pearson’s correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921) and two-sided {p} values from {t}; Spearman’s have the interval of Bonett and Wright (2000). {p} values were adjusted over the five traits after Benjamini and Hochberg (1995). Cronbach’s α (Cronbach, 1951) is over the profiles, with the interval of Feldt (1965). Test–retest agreement of the scores is over the profiles, between the wordings of the instruction: the intraclass correlation of absolute agreement, ICC(A,1), with the interval of McGraw and Wong (1996).':
    'Korrelationen nach Pearson haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921) und zweiseitige {p}-Werte aus {t}, die nach Spearman das Intervall von Bonett und Wright (2000). Die {p}-Werte sind über die fünf Merkmale nach Benjamini und Hochberg (1995) korrigiert. Cronbachs α (Cronbach, 1951) ist über die Profile, mit dem Intervall von Feldt (1965). Die Retest-Übereinstimmung der Werte ist über die Profile, zwischen den Fassungen der Anweisung: die Intraklassenkorrelation der absoluten Übereinstimmung, ICC(A,1), mit dem Intervall von McGraw und Wong (1996).',
  '# score by the weight of #': 'Wert in $1 nach dem Gewicht von $2',
  'Points are assessments.': 'Punkte sind Messungen.',
  'Points are assessments; the line is the least-squares fit with the 95% confidence band of its mean.':
    'Punkte sind Messungen; die Linie ist nach kleinsten Quadraten angepasst, mit dem 95-%-Konfidenzband ihres Mittels.',
  'Scores by weight, trait by trait': 'Werte nach Gewicht, Merkmal für Merkmal',
  'Points are profiles; lines are least-squares fits with the 95% confidence bands of their means.':
    'Punkte sind Profile; Linien sind nach kleinsten Quadraten angepasst, mit den 95-%-Konfidenzbändern ihrer Mittel.',
  'α of #': 'α von $1',
  '# score': 'Wert in $1',
  Score: 'Wert',
  'r undefined': 'r nicht bestimmt',

  // Comparison of methods, tuning
  'Under “*” the mean correlation is undefined, because one of the five is.':
    'Unter „$1“ ist die mittlere Korrelation nicht bestimmt, weil eine der fünf es nicht ist.',
  'Under “*” the mean correlation over the five traits was *.':
    'Unter „$1“ war die mittlere Korrelation über die fünf Merkmale $2.',
  'The mean correlation under “*” differed from that under “*” by *.':
    'Die mittlere Korrelation unter „$1“ unterschied sich von der unter „$2“ um $3.',
  'For each recipe the correlations of α with the score of the same trait were averaged over the five traits. Intervals of the mean and of differences between recipes are percentile intervals over # bootstrap samples of profiles, which are paired; {p} values are from the same samples and adjusted over all pairs after Benjamini and Hochberg (1995).':
    'Für jedes Rezept wurden die Korrelationen von α mit dem Wert desselben Merkmals über die fünf Merkmale gemittelt. Die Intervalle des Mittels und der Unterschiede zwischen Rezepten sind Perzentilintervalle über $1 gepaarte Bootstrap-Stichproben der Profile; die {p}-Werte stammen aus denselben Stichproben und sind über alle Paare nach Benjamini und Hochberg (1995) korrigiert.',
  'Mean correlation of weights with scores by recipe':
    'Mittlere Korrelation von Gewicht und Wert nach Rezept',
  'Lines are 95% confidence intervals over bootstrap samples of profiles.':
    'Linien sind 95-%-Konfidenzintervalle über Bootstrap-Stichproben der Profile.',
  'The winner was *.': 'Am besten war $1.',
  'Its difference from the plain recipe is undefined, because a correlation is.':
    'Der Unterschied zum einfachen Rezept ist nicht bestimmt, weil eine Korrelation es nicht ist.',
  'On held-out profiles, its mean correlation differed from that of the plain recipe by *.':
    'Auf zurückgehaltenen Profilen unterschied sich die mittlere Korrelation von der des einfachen Rezepts um $1.',
  'Intervals and {p} are from bootstrap samples of the held-out profiles, which are paired.':
    'Intervalle und {p} stammen aus gepaarten Bootstrap-Stichproben der zurückgehaltenen Profile.',
  'Mean correlation over held-out profiles': 'Mittlere Korrelation über zurückgehaltene Profile',
  Tuned: 'Abgestimmt',
  Plain: 'Einfach',

  // Prompting against vectors, transfer
  'For # a slope is undefined: there are too few scores, or they do not vary.':
    'Für $1 ist eine Steigung nicht bestimmt: Es gibt zu wenige Werte, oder sie unterscheiden sich nicht.',
  'One level of adjectives moved # by # points, one α of its vector by # points.':
    'Eine Stufe der Adjektive bewegte $1 um $2 Punkte, ein α des Vektors um $3 Punkte.',
  'Slopes are by least squares, in points of the score for one level or one α; a level’s equivalent α is found by linear interpolation between the α that were assessed. Intervals of a level’s score are Student’s, over its adjectives; correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921).':
    'Steigungen sind nach kleinsten Quadraten, in Punkten des Werts für eine Stufe oder ein α; das gleichwertige α einer Stufe ist zwischen den gemessenen α linear interpoliert. Intervalle des Werts einer Stufe sind die von Student über ihre Adjektive; Korrelationen haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921).',
  'Scores by weight and by level of adjectives': 'Werte nach Gewicht und nach Stufe der Adjektive',
  'Filled circles and the line with its 95% confidence band: by α. Open circles: by level of adjectives, on the same axis.':
    'Volle Kreise und die Linie mit ihrem 95-%-Konfidenzband: nach α. Offene Kreise: nach Stufe der Adjektive, auf derselben Achse.',
  'α or level': 'α oder Stufe',
  vector: 'Vektor',
  adjectives: 'Adjektive',
  'On *, the correlation between α and # is undefined: the scores do not vary, or there are fewer than three.':
    'Auf $1 ist die Korrelation zwischen α und $2 nicht bestimmt: Die Werte unterscheiden sich nicht, oder es sind weniger als drei.',
  'On *, the correlation between α and # was *, with # times the slope of the first model.':
    'Auf $1 war die Korrelation zwischen α und $2 $3, bei der $4-fachen Steigung des ersten Modells.',
  'On *, the correlation between α and # was *.': 'Auf $1 war die Korrelation zwischen α und $2 $3.',
  'Shifts are from the model’s own scores without vectors, paired over items. The ratio is the slope on a model over that on the first. Correlations have 95% confidence intervals by Fisher’s {z} (Fisher, 1921).':
    'Verschiebungen gehen von den eigenen Werten des Modells ohne Vektoren aus, gepaart über die Aussagen. Das Verhältnis ist die Steigung auf einem Modell durch die auf dem ersten. Korrelationen haben 95-%-Konfidenzintervalle nach Fishers {z} (Fisher, 1921).',
  'Correlation of weight with score by model and trait':
    'Korrelation von Gewicht und Wert nach Modell und Merkmal',
  'Lines are 95% confidence intervals.': 'Linien sind 95-%-Konfidenzintervalle.',

  // Capability, stability
  'Arithmetic: there is nothing to compare, for want of tasks.':
    'Rechnen: Ohne Aufgaben gibt es nichts zu vergleichen.',
  'Following instructions: there is nothing to compare, for want of tasks.':
    'Anweisungen befolgen: Ohne Aufgaben gibt es nichts zu vergleichen.',
  'Arithmetic: # of # tasks were right before and # after, a difference of # percentage points*.':
    'Rechnen: $1 von $2 Aufgaben waren vorher richtig und $3 nachher, ein Unterschied von $4 Prozentpunkten$5.',
  'Arithmetic: # of # tasks were right before and # after, a difference of # percentage points.':
    'Rechnen: $1 von $2 Aufgaben waren vorher richtig und $3 nachher, ein Unterschied von $4 Prozentpunkten.',
  'Following instructions: # of # tasks were right before and # after, a difference of # percentage points*.':
    'Anweisungen befolgen: $1 von $2 Aufgaben waren vorher richtig und $3 nachher, ein Unterschied von $4 Prozentpunkten$5.',
  'Following instructions: # of # tasks were right before and # after, a difference of # percentage points.':
    'Anweisungen befolgen: $1 von $2 Aufgaben waren vorher richtig und $3 nachher, ein Unterschied von $4 Prozentpunkten.',
  'The perplexity of the text was # before and # after, a ratio of *.':
    'Die Perplexität des Textes war vorher $1 und nachher $2, ein Verhältnis von $3.',
  'Shares of right answers have Wilson’s interval, their differences that of Bonett and Price (2012); {p} is from McNemar’s exact test over the tasks, which are paired. Intervals of perplexity are percentile intervals over bootstrap samples of passages.':
    'Anteile richtiger Antworten haben das Intervall von Wilson, ihre Unterschiede das von Bonett und Price (2012); {p} stammt aus McNemars exaktem Test über die gepaarten Aufgaben. Intervalle der Perplexität sind Perzentilintervalle über Bootstrap-Stichproben der Abschnitte.',
  'After “*”, the shift of # was # points where it had been # (*).':
    'Nach „$1“ war die Verschiebung von $2 $3 Punkte, wo sie $4 gewesen war ($5).',
  'After “*”, the shift of # was # points where it had been #, #% of it (*).':
    'Nach „$1“ war die Verschiebung von $2 $3 Punkte, wo sie $4 gewesen war, $5 % davon ($6).',
  'After “*”, the shift of # was # points where it had been #, #% of it.':
    'Nach „$1“ war die Verschiebung von $2 $3 Punkte, wo sie $4 gewesen war, $5 % davon.',
  'After “*”, the shift of # was # points where it had been #.':
    'Nach „$1“ war die Verschiebung von $2 $3 Punkte, wo sie $4 gewesen war.',
  'Shifts are from the base’s scores. The share kept is the shift after the second merge over that before it; the difference between both is paired over items.':
    'Verschiebungen gehen von den Werten der Basis aus. Der behaltene Anteil ist die Verschiebung nach dem zweiten Mischen durch die davor; der Unterschied der beiden ist über die Aussagen gepaart.',

  // Calibration, target
  'The response of every score to every α was fitted by least squares, linear between the α that were assessed, with # degrees of freedom left.':
    'Die Antwort jedes Werts auf jedes α wurde nach kleinsten Quadraten angepasst, linear zwischen den gemessenen α, bei $1 verbleibenden Freiheitsgraden.',
  'The mean absolute error of the measured profile was # points.':
    'Das gemessene Profil lag im Mittel um $1 Punkte daneben.',
  'Intervals of prediction are for one assessment. Their variance grows with the products of the weights of two traits at once, as far as combinations that the fit was not told of have shown it.':
    'Vorhersageintervalle gelten für eine Messung. Ihre Varianz wächst mit den Produkten der Gewichte zweier Merkmale, so weit Kombinationen, die der Anpassung nicht bekannt waren, es zeigten.',
  'Wanted and measured scores': 'Gewünschte und gemessene Werte',
  'Filled circles: measured. Open circles: wanted.': 'Volle Kreise: gemessen. Offene Kreise: gewünscht.',
  wanted: 'gewünscht',

  // Readouts
  'The lexicon held #% of the words; a sentence had # words.':
    'Das Lexikon kannte $1 % der Wörter; ein Satz hatte $2 Wörter.',
  'The lexicon held #% of the words; a sentence had # words. The mean sentiment of a sentence was # on a scale from −1 to 1 (VADER, a list of rated words with rules; Hutto & Gilbert, 2014).':
    'Das Lexikon kannte $1 % der Wörter; ein Satz hatte $2 Wörter. Die mittlere Stimmung eines Satzes war $3 auf einer Skala von −1 bis 1 (VADER, eine Liste bewerteter Wörter mit Regeln; Hutto & Gilbert, 2014).',
  'No figure differed from the reference after correction for many tests.':
    'Nach der Korrektur für viele Tests wich keine Größe von der Referenz ab.',
  '*: #% against #%, corrected *.': '$1: $2 % gegen $3 %, korrigiert $4.',
  '*: # against #, corrected *.': '$1: $2 gegen $3, korrigiert $4.',
  'No figure changed with the turn after correction for many tests.':
    'Nach der Korrektur für viele Tests veränderte sich keine Größe mit der Frage.',
  '*: no figure changed with the turn after correction for many tests.':
    '$1: Nach der Korrektur für viele Tests veränderte sich keine Größe mit der Frage.',
  '*: * rose from turn to turn, * over # answers, corrected *.':
    '$1: $2 stieg von Frage zu Frage, $3 über $4 Antworten, korrigiert $5.',
  '*: * fell from turn to turn, * over # answers, corrected *.':
    '$1: $2 fiel von Frage zu Frage, $3 über $4 Antworten, korrigiert $5.',
  '* rose from turn to turn, * over # answers, corrected *.':
    '$1 stieg von Frage zu Frage, $2 über $3 Antworten, korrigiert $4.',
  '* fell from turn to turn, * over # answers, corrected *.':
    '$1 fiel von Frage zu Frage, $2 über $3 Antworten, korrigiert $4.',
  'Shares of all texts as one have intervals by the linearised variance of a ratio over texts, on the scale of logits (Cochran, 1977).':
    'Anteile über alle Texte als einen haben Intervalle nach der linearisierten Varianz eines Verhältnisses über die Texte, auf der Logit-Skala (Cochran, 1977).',
  'Means of the texts’ figures were compared by Welch’s {t} intervals, with Hedges’ {g} (Goulet-Pelletier & Cousineau, 2018); {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Mittelwerte der Größen der Texte wurden durch Welchs {t}-Intervalle verglichen, mit Hedges’ {g} (Goulet-Pelletier & Cousineau, 2018); {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'Means of the texts’ figures were compared in pairs by {t} intervals, with {d_z} (Goulet-Pelletier & Cousineau, 2018); {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Mittelwerte der Größen der Texte wurden in Paaren durch {t}-Intervalle verglichen, mit {d_z} (Goulet-Pelletier & Cousineau, 2018); {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'Words were compared by log-odds ratios with a Dirichlet prior (Monroe et al., 2008), as if they were independent of each other; {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Wörter wurden durch Log-Odds-Verhältnisse mit einem Dirichlet-Prior verglichen (Monroe et al., 2008), als wären sie voneinander unabhängig; {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'Change from turn to turn is the rank correlation of the turn and an answer’s figure, with the interval of Bonett and Wright (2000) and {p}, up to eight answers over all their orders, corrected over all figures of a voice (Benjamini & Hochberg, 1995). Lines in plots are local regressions through the turns (Cleveland, 1979).':
    'Die Veränderung von Frage zu Frage ist die Rangkorrelation der Frage mit der Größe einer Antwort, mit dem Intervall von Bonett und Wright (2000) und {p}, bis zu acht Antworten über alle ihre Reihenfolgen, korrigiert über alle Größen einer Stimme (Benjamini & Hochberg, 1995). Linien in den Bildern sind lokale Regressionen über die Fragen (Cleveland, 1979).',
  '*: Figures by turn': '$1: Größen nach Frage',
  'Figures by turn': 'Größen nach Frage',
  'Points: all answers of a turn. Line: local regression through the turns (Cleveland, 1979); below six turns there is none.':
    'Punkte: alle Antworten auf eine Frage. Linie: lokale Regression über die Fragen (Cleveland, 1979); unter sechs Fragen gibt es keine.',
  Turn: 'Frage',
  'Per cent, or words': 'Prozent oder Wörter',
  'Differences from the reference': 'Unterschiede zur Referenz',
  '* with 95% confidence intervals; right of 0: more than in the reference.':
    '$1 mit 95-%-Konfidenzintervallen; rechts von 0: mehr als in der Referenz.',
  'Log-odds ratios': 'Log-Odds-Verhältnisse',
  'Shares of the words by category': 'Anteile der Wörter nach Kategorie',
  'Per cent of the words of all texts, with 95% confidence intervals over texts. The largest shares.':
    'Prozent der Wörter aller Texte, mit 95-%-Konfidenzintervallen über die Texte. Die größten Anteile.',
  'Share (%)': 'Anteil (%)',

  // Pictures described
  '“*” used # words a picture.': '„$1“ brauchte $2 Wörter je Bild.',
  'No figure changed with the α of # after correction for many tests.':
    'Nach der Korrektur für viele Tests änderte sich keine Größe mit dem α von $1.',
  '* changed by #% for one α of #, corrected *.': '$1 änderte sich um $2 % je α von $3, korrigiert $4.',
  '* changed by # for one α of #, corrected *.': '$1 änderte sich um $2 je α von $3, korrigiert $4.',
  'Figures were compared with those of “*” over pairs of descriptions of the same picture, with {d_z} (Goulet-Pelletier & Cousineau, 2018); {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Die Größen wurden mit denen von „$1“ über Paare von Beschreibungen desselben Bildes verglichen, mit {d_z} (Goulet-Pelletier & Cousineau, 2018); {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'Words were compared with those of “*” by log-odds ratios with a Dirichlet prior (Monroe et al., 2008), as if they were independent of each other; {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Die Wörter wurden mit denen von „$1“ durch Log-Odds-Verhältnisse mit einem Dirichlet-Prior verglichen (Monroe et al., 2008), als wären sie voneinander unabhängig; {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'The change for one α is the mean over the pictures of the least-squares slope within a picture, with Student’s interval over the pictures; {p} values are corrected over all figures (Benjamini & Hochberg, 1995).':
    'Die Änderung je α ist das Mittel über die Bilder der Steigung nach kleinsten Quadraten innerhalb eines Bildes, mit Students Intervall über die Bilder; {p}-Werte sind über alle Größen korrigiert (Benjamini & Hochberg, 1995).',
  'Change of the shares for one α': 'Änderung der Anteile je α',
  'Per cent of the words, with 95% confidence intervals over the pictures.':
    'Prozent der Wörter, mit 95-%-Konfidenzintervallen über die Bilder.',
  'Change (%)': 'Änderung (%)',
  Words: 'Wörter',
  'Words per sentence': 'Wörter je Satz',
  'Long words': 'Lange Wörter',
  Sentiment: 'Stimmung',
};

/** Titles of runs; what stands in them besides is the user’s. */
export const germanTitles: Record<string, string> = {
  'pictures: #, personas: #': 'Bilder: $1, Personas: $2',
  '#, # points': '$1, $2 Punkte',
  '# profiles, *': '$1 Profile, $2',
  '# profiles: *': '$1 Profile: $2',
  '#, # assessments': '$1, $2 Messungen',
  '* runs, again': '$1 Läufe, noch einmal',
  '*, again': '$1, noch einmal',
  '# texts': '$1 Texte',
  'All answers': 'Alle Antworten',
  'all vectors of *': 'alle Vektoren von $1',
};
