/**
 * What the studio itself says, in German: the merge methods with their settings, and warnings. A star in the English
 * stands for any words, # for one word or number; $1, $2 … in the German put them back.
 */
export const germanStudio: Record<string, string> = {
  // How far a download is
  'Checking what is there': 'Was da ist, wird geprüft',
  'Trying again in # s: *': 'Neuer Versuch in $1 s: $2',

  // What work counts
  points: 'Punkte',
  answers: 'Antworten',
  tensors: 'Tensoren',
  runs: 'Läufe',

  // Settings of merge methods
  'Weight α': 'Gewicht α',
  'How strongly the vector acts; a list varies it from the first block to the last.':
    'Wie stark der Vektor wirkt; eine Liste ändert es vom ersten Block zum letzten.',
  Density: 'Dichte',
  'Share of the vector’s entries that are kept; 1 keeps all.':
    'Anteil der Einträge des Vektors, die bleiben; 1 behält alle.',
  'Scale λ': 'Faktor λ',
  'Multiplies the whole change to the base.': 'Vervielfacht die ganze Änderung an der Basis.',
  Normalise: 'Normieren',
  'Divides by the sum of the weights, so that more vectors do not make a larger change.':
    'Teilt durch die Summe der Gewichte, damit mehr Vektoren keine größere Änderung ergeben.',
  Rescale: 'Ausgleich',
  'How what is kept makes up for what was dropped.': 'Wie das Behaltene das Weggelassene ausgleicht.',
  'Not at all': 'Gar nicht',
  'What is kept stays as it is.': 'Was bleibt, bleibt, wie es ist.',
  'By density': 'Nach Dichte',
  'Divides by the probability of being kept, as published.':
    'Teilt durch die Wahrscheinlichkeit zu bleiben, wie veröffentlicht.',
  'By L1 norm': 'Nach L1-Norm',
  'Keeps each tensor’s sum of magnitudes, as mergekit does since 2025.':
    'Erhält die Summe der Beträge jedes Tensors, wie mergekit seit 2025.',
  Seed: 'Startzahl',
  'Chooses which entries are dropped; the same seed gives the same file.':
    'Bestimmt, welche Einträge wegfallen; dieselbe Startzahl gibt dieselbe Datei.',
  'Outliers γ': 'Ausreißer γ',
  'Share of the largest entries that are dropped as outliers.':
    'Anteil der größten Einträge, die als Ausreißer wegfallen.',
  'Spread ε': 'Spanne ε',
  'How far the probability of being kept rises above the density for a row’s largest entry and falls below it for its smallest.':
    'Wie weit die Wahrscheinlichkeit zu bleiben für den größten Eintrag einer Zeile über die Dichte steigt und für den kleinsten darunter fällt.',
  'Threshold over': 'Schwelle über',
  'What the largest entries are chosen from.': 'Woraus die größten Einträge gewählt werden.',
  'Each tensor': 'Jeden Tensor',
  'Every tensor keeps the same share, as in mergekit.':
    'Jeder Tensor behält denselben Anteil, wie in mergekit.',
  'Whole vector': 'Den ganzen Vektor',
  'Tensors that changed more keep more, as first published.':
    'Tensoren, die sich stärker änderten, behalten mehr, wie zuerst veröffentlicht.',
  'Sign election': 'Wahl des Vorzeichens',
  'How vectors agree on the direction of a change.':
    'Wie sich Vektoren auf die Richtung einer Änderung einigen.',
  Weighted: 'Gewichtet',
  'A vector of more weight has more say, as in mergekit.':
    'Ein Vektor mit mehr Gewicht hat mehr zu sagen, wie in mergekit.',
  Unweighted: 'Ungewichtet',
  'All vectors have the same say, as first published.':
    'Alle Vektoren haben gleich viel zu sagen, wie zuerst veröffentlicht.',
  'Share selected': 'Gewählter Anteil',
  'Share of the entries kept, those in which the vectors differ most first.':
    'Anteil der Einträge, die bleiben, zuerst die, in denen sich die Vektoren am meisten unterscheiden.',
  'Directions kept': 'Behaltene Richtungen',
  'Share of each vector’s singular directions that are kept, the strongest first.':
    'Anteil der singulären Richtungen jedes Vektors, die bleiben, die stärksten zuerst.',
  Embeddings: 'Einbettungen',
  'Lets vectors change the model’s embeddings.': 'Lässt Vektoren die Einbettungen des Modells ändern.',
  'Output head': 'Ausgabeschicht',
  'Lets vectors change the model’s output layer.': 'Lässt Vektoren die Ausgabeschicht des Modells ändern.',
  Basis: 'Grundlage',
  'What a slider adds: the vector of its pole, or half of the difference between both poles, in which what they share cancels.':
    'Was ein Regler addiert: den Vektor seines Pols oder die Hälfte des Unterschieds beider Pole, in dem sich das Gemeinsame aufhebt.',
  Poles: 'Pole',
  'The vector of the high or the low pole, as published.':
    'Der Vektor des hohen oder niedrigen Pols, wie veröffentlicht.',
  Axes: 'Achsen',
  'Half of the high pole’s vector minus half of the low one’s.':
    'Die Hälfte des Vektors des hohen Pols minus die Hälfte des niedrigen.',
  'Whitening β': 'Entflechtung β',
  'Turns the vectors of all traits away from each other: 0 leaves them as they are, 1 makes them orthogonal.':
    'Dreht die Vektoren aller Merkmale voneinander weg: 0 lässt sie, wie sie sind, 1 macht sie orthogonal.',
  'Position t': 'Stelle t',
  'Where to stop: 0 is the base, 1 the tuned model.':
    'Wo es aufhört: 0 ist die Basis, 1 das nachtrainierte Modell.',

  // Merge methods
  'Plain addition (task arithmetic)': 'Einfaches Addieren (task arithmetic)',
  'Adds the weighted vectors to the base.': 'Addiert die gewichteten Vektoren zur Basis.',
  'Keeps each vector’s largest entries and averages those that agree in sign.':
    'Behält die größten Einträge jedes Vektors und mittelt die, deren Vorzeichen übereinstimmen.',
  'Drops entries of each vector at random, enlarges the rest to make up for it, and adds them.':
    'Lässt zufällige Einträge jedes Vektors weg, vergrößert zum Ausgleich die übrigen und addiert sie.',
  'DARE with TIES': 'DARE mit TIES',
  'Drops entries at random like DARE and adds those that agree in sign.':
    'Lässt wie DARE zufällige Einträge weg und addiert die, deren Vorzeichen übereinstimmen.',
  'Drops each vector’s smallest entries and its outliers, and adds the rest.':
    'Lässt die kleinsten Einträge jedes Vektors und seine Ausreißer weg und addiert die übrigen.',
  'Breadcrumbs with TIES': 'Breadcrumbs mit TIES',
  'Drops small entries and outliers, and adds those that agree in sign.':
    'Lässt kleine Einträge und Ausreißer weg und addiert die, deren Vorzeichen übereinstimmen.',
  'DELLA without election': 'DELLA ohne Wahl',
  'Drops entries at random, the small ones of each row more often than the large ones, and adds the rest.':
    'Lässt zufällige Einträge weg, die kleinen jeder Zeile öfter als die großen, und addiert die übrigen.',
  'Drops entries at random, small ones more often, and averages those that agree in sign.':
    'Lässt zufällige Einträge weg, kleine öfter, und mittelt die, deren Vorzeichen übereinstimmen.',
  'Keeps the entries in which the vectors differ most and weighs each vector by its energy there.':
    'Behält die Einträge, in denen sich die Vektoren am meisten unterscheiden, und gewichtet jeden Vektor nach seiner Energie dort.',
  'Turns the singular directions of the vectors until those of different vectors are orthogonal, and adds them.':
    'Dreht die singulären Richtungen der Vektoren, bis die verschiedener Vektoren orthogonal sind, und addiert sie.',
  'KnOTS with TIES': 'KnOTS mit TIES',
  'Writes the vectors in directions that they share and averages there what agrees in sign, as TIES does.':
    'Schreibt die Vektoren in gemeinsamen Richtungen und mittelt dort wie TIES, was im Vorzeichen übereinstimmt.',
  'Goes from the base to the tuned model on an arc instead of a line; between like models the two are the same.':
    'Geht von der Basis zum nachtrainierten Modell auf einem Bogen statt einer Geraden; zwischen ähnlichen Modellen ist beides gleich.',
  'Adds what lies between two vectors on an arc, by the ratio of their weights.':
    'Addiert, was auf einem Bogen zwischen zwei Vektoren liegt, nach dem Verhältnis ihrer Gewichte.',
  'Averages the vectors and shortens the mean the less they point the same way.':
    'Mittelt die Vektoren und verkürzt das Mittel, je weniger sie in dieselbe Richtung zeigen.',
  'Karcher mean': 'Karcher-Mittel',
  'Averages the tuned models as directions on a sphere.':
    'Mittelt die nachtrainierten Modelle als Richtungen auf einer Kugel.',

  // Ranges
  'above #, up to #': 'über $1, bis $2',
  '# to below #': '$1 bis unter $2',
  '0 to 2⁵³ − 1, whole': '0 bis 2⁵³ − 1, ganzzahlig',
  '# to #': '$1 bis $2',

  // Why a file was computed where it was
  'The CPU was asked for.': 'So war es gewünscht.',
  'The job is too small for a device to be worth starting.':
    'Die Arbeit ist zu klein, als dass sich der Start eines Geräts lohnte.',
  'There is no device that can merge.': 'Es gibt kein Gerät, das mischen kann.',
  'No tensor was large enough to measure * on.': 'Kein Tensor war groß genug, um an ihm $1 zu messen.',
  '# was asked for.': '$1 war gewünscht.',
  'The CPU is faster here: * million weights a second on * (*), * on the CPU.':
    'Der Prozessor ist hier schneller: $1 Millionen Gewichte in der Sekunde auf $2 ($3), $4 auf dem Prozessor.',
  '* is faster here: * million weights a second on * (*), * on the CPU.':
    '$1 ist hier schneller: $2 Millionen Gewichte in der Sekunde auf $3 ($4), $5 auf dem Prozessor.',
  '* (*) could not be used: *. The CPU computed instead.':
    '$1 ($2) ließ sich nicht benutzen: $3. Stattdessen hat der Prozessor gerechnet.',

  // Warnings
  'The weights add up to *. Above * a model tends to follow instructions less well.':
    'Die Gewichte ergeben zusammen $1. Über $2 folgt ein Modell Anweisungen meist weniger gut.',
  'Low agreeableness beyond * can make a model write aggressive or unethical text.':
    'Niedrige Verträglichkeit über $1 hinaus kann ein Modell aggressiven oder unethischen Text schreiben lassen.',
  'High neuroticism beyond * can make a model write aggressive or unethical text.':
    'Hoher Neurotizismus über $1 hinaus kann ein Modell aggressiven oder unethischen Text schreiben lassen.',
  'The library has no vector * for this model: add one, or set * to 0.':
    'Die Bibliothek hat keinen Vektor $1 für dieses Modell: Fügen Sie einen hinzu oder stellen Sie den Regler auf 0.',
  'The server has no adapter that is the vector #: start it with one, or set * to 0.':
    'Der Server hat keinen Adapter, der der Vektor $1 ist: Starten Sie ihn mit einem oder stellen Sie den Regler auf 0.',
  'The vector * comes from a model of another backbone and cannot be added to *.':
    'Der Vektor $1 stammt von einem Modell einer anderen Familie und lässt sich nicht zu $2 addieren.',
  'The vector * was made from other weights of the same backbone. It transfers, but measure its effect anew.':
    'Der Vektor $1 entstand aus anderen Gewichten derselben Familie. Er überträgt sich, doch messen Sie seine Wirkung neu.',
  '* is stored as *: baking starts from weights that were rounded already. Use the unquantised model if you can.':
    '$1 liegt als $2 vor: Die Datei beginnt mit schon gerundeten Gewichten. Nehmen Sie das unkomprimierte Modell, wenn Sie können.',
  'Q8_0 rounds weights a little: a vector’s effect stays on average, under some noise. Measure a weak mix in the file itself.':
    'Q8_0 rundet Gewichte ein wenig: Die Wirkung eines Vektors bleibt im Mittel, unter etwas Rauschen. Messen Sie eine schwache Mischung in der Datei selbst.',
  'Stored as * and rounded again to Q8_0, small weights are lost: an α of 0.2 kept 0.009 of its effect where both were Q8_0. Bake from the unquantised model.':
    'Als $1 gespeichert und noch einmal auf Q8_0 gerundet, gehen kleine Gewichte verloren: Ein α von 0,2 behielt 0,009 seiner Wirkung, wo beides Q8_0 war. Nehmen Sie das unkomprimierte Modell.',
  'The filter “*” fits no tensor of *, so it changes nothing.':
    'Der Filter „$1“ passt auf keinen Tensor von $2 und ändert deshalb nichts.',
  'Stored in a larger type, because the rows do not fit the one meant: *':
    'In einem größeren Typ gespeichert, weil die Zeilen nicht in den vorgesehenen passen: $1',
  'Left out of a vector, because adapters pass over it: *':
    'Aus einem Vektor weggelassen, weil Adapter ihn übergehen: $1',
  '* rounds weights by as much as a vector changes them, or more: its effect stays on average, under noise that grows as files get smaller. Measure the file itself.':
    '$1 rundet Gewichte um so viel, wie ein Vektor sie ändert, oder mehr: Seine Wirkung bleibt im Mittel, unter einem Rauschen, das mit kleineren Dateien wächst. Messen Sie die Datei selbst.',
  'Stored as * and rounded again to *, weak vectors vanish: an α of 1 kept 0.03 of its effect in Q4_0. Bake from the unquantised model.':
    'Als $1 gespeichert und noch einmal auf $2 gerundet, verschwinden schwache Vektoren: Ein α von 1 behielt in Q4_0 0,03 seiner Wirkung. Nehmen Sie das unkomprimierte Modell.',
  'Stored as BF16, small weights shrink: a nominal α of 0.1 acted like 0.05 in our measurements. F16 or F32 keep them.':
    'Als BF16 schrumpfen kleine Gewichte: Ein α von 0,1 wirkte in unseren Messungen wie 0,05. F16 und F32 erhalten sie.',
  'The method * cannot be mixed live, only baked; the live mix is plain task arithmetic.':
    'Das Verfahren $1 lässt sich nicht laufend mischen, nur in eine Datei; die Spalten addieren einfach.',
  '* cannot be mixed live, only baked; the live mix is plain task arithmetic.':
    'Eine Einstellung lässt sich nicht laufend mischen, nur in eine Datei; die Spalten addieren einfach.',
  '* merges low-rank factors, so the dense vectors for * are factorised first: 99.9 % of every matrix’s energy stays, and what they change in embeddings, norms and biases does not.':
    '$1 mischt Faktoren von niedrigem Rang, deshalb werden die dichten Vektoren vorher zerlegt: 99,9 % der Energie jeder Matrix bleiben; was sie an Einbettungen, Normen und Verschiebungen ändern, nicht.',
  '* divides by the sum of the weights: they decide the shares of the traits, not the strength, and one trait alone is as strong at 0.5 as at 2. The scale λ sets the strength.':
    '$1 teilt durch die Summe der Gewichte: Sie bestimmen die Anteile der Merkmale, nicht die Stärke, und ein Merkmal allein ist bei 0,5 so stark wie bei 2. Der Faktor λ stellt die Stärke.',
  '* divides by the sum of the weights: they decide the shares of the traits, not the strength, and one trait alone is as strong at 0.5 as at 2. Turn normalisation off to keep the strength of the sliders.':
    '$1 teilt durch die Summe der Gewichte: Sie bestimmen die Anteile der Merkmale, nicht die Stärke, und ein Merkmal allein ist bei 0,5 so stark wie bei 2. Schalten Sie das Normieren ab, um die Stärke der Regler zu behalten.',
};
