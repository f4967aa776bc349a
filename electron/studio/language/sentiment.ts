/** How positive a sentence is, by a list of rated words and rules for negation, emphasis and contrast. */
import vader from 'vader-sentiment';

/** No word is that long, and VADER's search for capitals takes its time for one. */
const NO_WORD = /\S{101,}/g;

/**
 * VADER's compound score (Hutto & Gilbert 2014, *Proceedings of the International AAAI Conference on Web and Social Media*,
 * 8, 216–225): the sum of the ratings x of an English sentence's words, as x/√(x² + 15).
 *
 * @returns −1 (most negative) … 1 (most positive); 0 also where no word is rated
 */
export const sentimentOf = (sentence: string): number =>
  vader.SentimentIntensityAnalyzer.polarity_scores(sentence.replace(NO_WORD, ' ')).compound;
